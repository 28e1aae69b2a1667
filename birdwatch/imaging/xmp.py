"""The two dates that XMP may carry, read by a small parser that knows no entities and no DTD."""

from __future__ import annotations

from xml.parsers import expat

MAX_XMP_BYTES = 4 * 1024 * 1024
MAX_VALUE_CHARS = 64
DATE_CREATED = "http://ns.adobe.com/photoshop/1.0/ DateCreated"
DATE_TIME_ORIGINAL = "http://ns.adobe.com/exif/1.0/ DateTimeOriginal"
_NAMES = (DATE_CREATED, DATE_TIME_ORIGINAL)


class _ForbiddenError(Exception):
    """The document declares a type or an entity, which no camera does."""


class _Reader:
    """Collects the first value of each wanted name, given as an attribute or as an element."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: str | None = None
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        for key, value in attributes.items():
            self._keep(key, value)
        self._open, self._text = name, ""

    def text(self, data: str) -> None:
        if len(self._text) < MAX_VALUE_CHARS:
            self._text += data

    def end(self, name: str) -> None:
        if name == self._open:
            self._keep(name, self._text)
        self._open = None

    def forbid(self, *_: object) -> None:
        raise _ForbiddenError

    def _keep(self, name: str, value: str) -> None:
        if name in _NAMES:
            self.found.setdefault(name, value.strip()[:MAX_VALUE_CHARS])


def read_xmp_dates(packet: bytes) -> dict[str, str]:
    """Dates by their full name, as far as the packet can be read; never raises."""
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.forbid
    parser.EntityDeclHandler = reader.forbid
    try:
        parser.Parse(packet[:MAX_XMP_BYTES].strip(b"\0 \r\n\t"), True)  # noqa: FBT003
    except _ForbiddenError:
        return {}
    except (expat.ExpatError, ValueError):
        pass  # what came before the damage still counts
    return reader.found

"""GPX read piece by piece, from a file that may be anything: only positions with a time are kept.

The parser is expat, told to refuse every document type and entity: what GPX never needs is what
XML bombs are made of. Nothing is kept but numbers, and their count is bounded, so a file of five
million points is refused after the first of them, with memory to spare.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final
from xml.parsers import expat

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.text import Text
from birdwatch.domain.track import Segment, Track, segment_of

MAX_POINTS: Final = 150_000  # forty hours at one a second
MAX_GPX_BYTES: Final = 48 * 1024 * 1024
MAX_ELEMENTS: Final = 4_000_000
MAX_DEPTH: Final = 64
MAX_TIME_CHARS: Final = 64
FIRST_YEAR, LAST_YEAR = 1990, 2199
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class GpxReader:
    """Feed it the bytes as they come, then ask for the track."""

    def __init__(self) -> None:
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.EntityDeclHandler = _refuse_doctype
        parser.UnparsedEntityDeclHandler = _refuse_doctype
        self._parser = parser
        self._depth = 0
        self._elements = 0
        self._points = 0
        self._skipped = 0
        self._is_gpx = False
        self._place: tuple[float, float] | None = None
        self._point_depth = 0
        self._time: str | None = None
        self._taken: int | None = None
        self._lines: list[_Line] = []

    def feed(self, data: bytes) -> None:
        """The next bytes. Raises InvalidInputError."""
        try:
            self._parser.Parse(data)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise _broken(error) from None

    def finish(self) -> Track:
        """The track. Raises InvalidInputError where there is none in it."""
        try:
            self._parser.Parse(b"", True)  # noqa: FBT003 (its only way to say that this is the end)
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise _broken(error) from None
        backwards = sum(line.backwards for line in self._lines)
        segments = tuple(segment for line in self._lines if (segment := line.segment()) is not None)
        if not self._is_gpx or not segments:
            raise _wrong(
                "track.empty",
                "文件里没有带时间的轨迹点。请从记录轨迹的应用导出 GPX（不是航点或路线）。",
                "The file has no track points with a time. Export the recorded track as GPX, not"
                " waypoints or a route.",
            )
        return Track(segments, self._skipped, backwards)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _too_large()
        local = name.rpartition(":")[2] if ":" in name else name
        if self._depth == 1:
            self._is_gpx = local == "gpx"
            if not self._is_gpx:
                raise _not_gpx()
        elif local == "trkpt":
            self._place = _degrees(attributes)
            self._point_depth = self._depth
            self._taken = None
        elif local == "time" and self._depth == self._point_depth + 1 and self._point_depth:
            self._time = ""
        elif local in ("trk", "trkseg"):
            self._lines.append(_Line())

    def _text(self, text: str) -> None:
        if self._time is not None and len(self._time) < MAX_TIME_CHARS:
            self._time += text

    def _end(self, name: str) -> None:
        if self._depth == self._point_depth:
            self._keep()
            self._point_depth = 0
        elif self._time is not None and name.endswith("time"):
            self._taken = _micros(self._time.strip())
            self._time = None
        self._depth -= 1

    def _keep(self) -> None:
        if self._place is None or self._taken is None:
            self._skipped += 1
            return
        self._points += 1
        if self._points > MAX_POINTS:
            raise _too_large()
        if not self._lines:
            self._lines.append(_Line())
        self._lines[-1].add(self._taken, *self._place)


class _Line:
    """The points of one unbroken recording, as they stand in the file."""

    def __init__(self) -> None:
        self.times = array("q")
        self.lats = array("d")
        self.lons = array("d")
        self.backwards = 0

    def add(self, taken: int, lat: float, lon: float) -> None:
        if self.times and taken < self.times[-1]:
            self.backwards += 1
        self.times.append(taken)
        self.lats.append(lat)
        self.lons.append(lon)

    def segment(self) -> Segment | None:
        return segment_of(self.times, self.lats, self.lons) if self.times else None


def read_gpx(chunks: Iterable[bytes]) -> Track:
    """The track of a whole file. Raises InvalidInputError."""
    reader = GpxReader()
    for chunk in chunks:
        reader.feed(chunk)
    return reader.finish()


def _degrees(attributes: dict[str, str]) -> tuple[float, float] | None:
    """To a centimetre; None where it is no position on earth."""
    try:
        lat, lon = float(attributes["lat"]), float(attributes["lon"])
    except (KeyError, ValueError):
        return None
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):  # nor is NaN
        return None
    return round(lat, 7), round(lon, 7)


def _micros(text: str) -> int | None:
    """Microseconds since 1970; a time without a zone is UTC, as GPX has it."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) < 16 or not FIRST_YEAR <= moment.year <= LAST_YEAR:  # a day alone is no time
        return None
    since = moment.replace(tzinfo=UTC) - EPOCH if moment.tzinfo is None else moment - EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def _refuse_doctype(*_: object) -> None:
    raise _wrong(
        "track.doctype",
        "文件里有 DOCTYPE 或实体声明，GPX 用不到它们，因此不接受。请重新导出轨迹。",
        "The file declares a document type or entities, which GPX never needs, so it is not taken."
        " Export the track again.",
    )


def _not_gpx() -> InvalidInputError:
    return _wrong(
        "track.not_gpx",
        "这不是 GPX 文件。请导出 .gpx 格式的轨迹。",
        "This is not a GPX file. Export the track as .gpx.",
    )


def _broken(error: Exception) -> InvalidInputError:
    line = getattr(error, "lineno", None)
    where = f"第 {line} 行" if line else "某处"
    place = f"at line {line}" if line else "somewhere"
    return _wrong(
        "track.broken",
        f"GPX 文件{where}读不下去，可能不完整。请重新导出。",
        f"The GPX file cannot be read {place}; it may be cut off. Export it again.",
    )


def _too_large() -> InvalidInputError:
    return _wrong(
        "track.too_many",
        f"轨迹太大：最多 {MAX_POINTS:,} 个点。请按天分开导出，或降低记录频率。",
        f"The track is too large: {MAX_POINTS:,} points at most. Export each day by itself, or"
        " record fewer points.",
    )


def _wrong(code: str, zh: str, en: str) -> InvalidInputError:
    return InvalidInputError(code, zh=zh, en=en, errors=(FieldError("track", Text(zh, en)),))

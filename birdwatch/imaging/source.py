"""A received file as a picture: itself, or the JPEG inside a raw file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from birdwatch.imaging.exif import read_block, read_tags
from birdwatch.imaging.opening import sniff_file
from birdwatch.imaging.orientation import read_orientation
from birdwatch.imaging.raw import RAW_FORMATS, RawPicture, open_raw, raw_format_of_tiff


@dataclass(frozen=True, slots=True)
class Source:
    """`format` is the file's; `picture` and `picture_format` are what is decoded."""

    format: str
    picture: BinaryIO
    picture_format: str
    _file: BinaryIO
    _raw: RawPicture | None = None

    def orientation(self, opened: Image.Image) -> int:
        """Which way is up: a raw file says it of its JPEG."""
        if self._raw is not None and self._raw.orientation is not None:
            return self._raw.orientation
        return read_orientation(opened, self.picture_format)

    def tags(self, opened_block: bytes) -> dict[str, str]:
        """Raw tags: a container's own, else those of the picture's EXIF block."""
        exif = self._raw.exif if self._raw is not None else None
        if self.format == "tiff" or exif == b"":
            return read_tags(self._file)
        return read_block(opened_block if exif is None else exif)

    def xmp(self, opened_packet: bytes) -> bytes:
        """The XMP packet."""
        return (self._raw.xmp if self._raw is not None else b"") or opened_packet


def open_source(file: BinaryIO) -> Source:
    """What there is to decode. Raises as sniff_file() and open_raw() do."""
    found = sniff_file(file)
    if found == "tiff":
        found = raw_format_of_tiff(file) or found
    if found not in RAW_FORMATS:
        return Source(found, file, found, file)
    raw = open_raw(file, found)
    return Source(found, raw.jpeg, "jpeg", file, raw)

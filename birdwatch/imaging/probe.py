"""What a received file is: its format and size, whether it can be decoded, and what it says.

A picture that cannot be decoded is refused here, before anything of it is kept. Metadata never
refuses a picture: whatever of it cannot be read is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from birdwatch.domain.photo import Camera
from birdwatch.domain.place_ladder import GpsEvidence
from birdwatch.domain.time_ladder import TimeEvidence
from birdwatch.imaging.exif import evidence
from birdwatch.imaging.jpeg_data import shortened
from birdwatch.imaging.opening import Permit, open_picture, permit_all
from birdwatch.imaging.orientation import is_sideways
from birdwatch.imaging.source import open_source
from birdwatch.imaging.xmp import read_xmp_dates

MAX_PIXELS = 100_000_000
CHECK_EDGE = 64  # a JPEG is decoded at an eighth: few pixels are made


@dataclass(frozen=True, slots=True)
class Probe:
    """Width and height are upright; of a raw file they are those of its JPEG.

    `tags` are raw and private, as is the evidence.
    """

    format: str
    width: int
    height: int
    tags: dict[str, str]
    camera: Camera
    time_evidence: TimeEvidence
    gps_evidence: GpsEvidence


def probe(path: Path, *, max_pixels: int = MAX_PIXELS, file_name: str = "") -> Probe:
    """The facts of a picture file.

    Raises UnsupportedMediaError (not a picture for us), TooLargeError (too many pixels) and
    InvalidInputError (empty, truncated, cannot be decoded).
    """
    with path.open("rb") as file:
        return probe_file(file, max_pixels=max_pixels, file_name=file_name)


def probe_file(
    file: BinaryIO,
    *,
    max_pixels: int = MAX_PIXELS,
    file_name: str = "",
    permit: Permit = permit_all,
) -> Probe:
    """The same of an open file; `permit` is asked before pixels are decoded."""
    source = open_source(file)
    with open_picture(
        source.picture, source.picture_format, max_pixels=max_pixels, permit=permit
    ) as picture:
        width, height = picture.size
        _check_decodes(picture, source.picture, source.picture_format)
        block, packet = _metadata(picture)
        if is_sideways(source.orientation(picture)):
            width, height = height, width
    tags = source.tags(block)
    time, gps, camera = evidence(tags, read_xmp_dates(source.xmp(packet)), file_name)
    return Probe(source.format, width, height, tags, camera, time, gps)


def _check_decodes(picture: Image.Image, file: BinaryIO, picture_format: str) -> None:
    """Decode it, or as much of it as tells whether it can be decoded."""
    short = shortened(file) if picture_format == "jpeg" else None
    if short is None:
        _decode(picture)
        return
    with Image.open(BytesIO(short), formats=["JPEG"]) as beginning:
        _decode(beginning)


def _decode(picture: Image.Image) -> None:
    picture.draft(None, (CHECK_EDGE, CHECK_EDGE))
    picture.load()


def _metadata(picture: Image.Image) -> tuple[bytes, bytes]:
    """The EXIF structure and the XMP packet as the container holds them, empty where it has none."""
    block, packet = picture.info.get("exif"), picture.info.get("xmp")
    if isinstance(packet, str):
        packet = packet.encode("utf-8", "replace")
    return (
        block if isinstance(block, bytes) else b"",
        packet if isinstance(packet, bytes) else b"",
    )

"""Real pictures made on the spot, with exactly the EXIF a test needs: no fixtures to carry.

`make_jpeg()` is what most tests want. `make_image(format=...)` makes the other formats, and takes
further raw EXIF entries (`more=`) or a whole EXIF block (`exif=`) for hostile input.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from typing import Any, Literal

import pillow_heif
from PIL import Image, ImageDraw

Format = Literal["jpeg", "mpo", "png", "webp", "tiff", "heif", "avif", "gif"]
ASCII, SHORT, LONG, RATIONAL, DOUBLE = 2, 3, 4, 5, 12
_SIZES = {1: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, 7: 1, 9: 4, 10: 8, 11: 4, DOUBLE: 8}


@dataclass(frozen=True)
class Entry:
    """One raw EXIF entry; `count` may lie about the length of `value`."""

    tag: int
    type: int
    value: bytes
    count: int | None = None

    @property
    def stated_count(self) -> int:
        return len(self.value) // _SIZES[self.type] if self.count is None else self.count


@dataclass(frozen=True)
class Tags:
    """Further entries by directory; an entry replaces the one of the same number."""

    ifd0: tuple[Entry, ...] = ()
    exif: tuple[Entry, ...] = ()
    gps: tuple[Entry, ...] = ()


def ascii_entry(tag: int, text: str | bytes) -> Entry:
    raw = text.encode() if isinstance(text, str) else text
    return Entry(tag, ASCII, raw + b"\0")


def rational_entry(tag: int, *pairs: tuple[int, int]) -> Entry:
    return Entry(tag, RATIONAL, b"".join(struct.pack("<II", *pair) for pair in pairs))


def double_entry(tag: int, *values: float) -> Entry:
    return Entry(tag, DOUBLE, struct.pack(f"<{len(values)}d", *values))


def short_entry(tag: int, *values: int) -> Entry:
    return Entry(tag, SHORT, struct.pack(f"<{len(values)}H", *values))


def long_entry(tag: int, *values: int) -> Entry:
    return Entry(tag, LONG, struct.pack(f"<{len(values)}I", *values))


def degrees_entry(tag: int, value: float) -> Entry:
    """Degrees, minutes and seconds as three rationals, to about a centimetre."""
    exact = abs(Fraction(value))
    minutes = exact % 1 * 60
    seconds = round(minutes % 1 * 60 * 10_000)
    return rational_entry(tag, (int(exact), 1), (int(minutes), 1), (seconds, 10_000))


def gps_entries(
    lat: float, lon: float, *, date: str | None = None, time: str | None = None
) -> tuple[Entry, ...]:
    """The GPS directory of a position; `date` 2026:04:25 and `time` 10:21:07 are UTC."""
    entries = [
        ascii_entry(1, "S" if lat < 0 else "N"),
        degrees_entry(2, lat),
        ascii_entry(3, "W" if lon < 0 else "E"),
        degrees_entry(4, lon),
    ]
    if time is not None:
        entries.append(rational_entry(7, *((int(part), 1) for part in time.split(":"))))
    if date is not None:
        entries.append(ascii_entry(29, date))
    return tuple(entries)


def _directory(entries: Iterable[Entry], start: int) -> bytes:
    ordered = sorted(entries, key=lambda entry: entry.tag)
    head = struct.pack("<H", len(ordered))
    data = b""
    data_start = start + 2 + 12 * len(ordered) + 4
    for entry in ordered:
        if len(entry.value) <= 4:
            stored = entry.value.ljust(4, b"\0")
        else:
            stored = struct.pack("<I", data_start + len(data))
            data += entry.value + b"\0" * (len(entry.value) % 2)
        head += struct.pack("<HHI", entry.tag, entry.type, entry.stated_count) + stored
    return head + struct.pack("<I", 0) + data


def tiff_block(tags: Tags, *, lead: bytes = b"") -> bytes:
    """A little-endian TIFF structure of these directories; `lead` is put before the first one."""
    lead += b"\0" * (len(lead) % 2)
    start = 8 + len(lead)
    placeholder = [long_entry(0x8769, 0)] * bool(tags.exif) + [long_entry(0x8825, 0)] * bool(
        tags.gps
    )
    exif_at = start + len(_directory([*tags.ifd0, *placeholder], start))
    exif = _directory(tags.exif, exif_at) if tags.exif else b""
    gps_at = exif_at + len(exif)
    gps = _directory(tags.gps, gps_at) if tags.gps else b""
    pointers = [long_entry(0x8769, exif_at)] * bool(tags.exif)
    pointers += [long_entry(0x8825, gps_at)] * bool(tags.gps)
    ifd0 = _directory([*tags.ifd0, *pointers], start)
    return b"II*\0" + struct.pack("<I", start) + lead + ifd0 + exif + gps


def make_tags(
    *,
    taken: str | bytes | None = "2026:04:25 18:21:07",
    offset: str | None = "+08:00",
    gps: tuple[float, float] | None = None,
    make: str = "Canon",
    model: str = "EOS R5",
    orientation: int = 1,
    more: Tags | None = None,
) -> Tags:
    """The entries a camera writes, with `more` laid over them."""
    more = more or Tags()
    ifd0 = [ascii_entry(0x010F, make)] if make else []
    ifd0 += [ascii_entry(0x0110, model)] if model else []
    ifd0.append(short_entry(0x0112, orientation))
    exif = [
        rational_entry(0x829A, (1, 1000)),
        rational_entry(0x829D, (63, 10)),
        short_entry(0x8827, 400),
        rational_entry(0x920A, (600, 1)),
        ascii_entry(0xA434, "EF600mm f/4L IS III USM"),
    ]
    exif += [ascii_entry(0x9003, taken)] if taken is not None else []
    exif += [ascii_entry(0x9011, offset)] if offset is not None else []
    return Tags(
        _overlaid(ifd0, more.ifd0),
        _overlaid(exif, more.exif),
        _overlaid(gps_entries(*gps) if gps else (), more.gps),
    )


def _overlaid(under: Iterable[Entry], over: tuple[Entry, ...]) -> tuple[Entry, ...]:
    return tuple({entry.tag: entry for entry in (*under, *over)}.values())


def draw_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """An evening over the mudflat with a flock of dots: other seeds give other bytes."""
    dice = random.Random(seed)
    small = (max(1, width // 16), max(1, height // 16))
    sky = Image.linear_gradient("L").resize((width, height))
    grain = Image.frombytes("L", small, dice.randbytes(small[0] * small[1]))
    grain = grain.resize((width, height), Image.Resampling.BICUBIC)
    picture = Image.merge("RGB", (grain, sky, Image.blend(grain, sky, 0.5)))
    pen = ImageDraw.Draw(picture)
    for _ in range(40):
        x, y = dice.randrange(width), dice.randrange(height)
        pen.ellipse((x, y, x + width // 100, y + height // 100), fill=(40, 32, 28))
    return picture


def make_image(
    format: Format = "jpeg",  # noqa: A002  the word of every imaging library
    width: int = 1200,
    height: int = 800,
    *,
    picture: Image.Image | None = None,
    exif: bytes | None = None,
    seed: int = 0,
    icc: bytes | None = None,
    xmp: bytes | None = None,
    comment: bytes | None = None,
    progressive: bool = False,
    taken: str | bytes | None = "2026:04:25 18:21:07",
    offset: str | None = "+08:00",
    gps: tuple[float, float] | None = None,
    make: str = "Canon",
    model: str = "EOS R5",
    orientation: int = 1,
    more: Tags | None = None,
) -> bytes:
    """The bytes of a picture. `exif=b""` writes none; else the entries of `make_tags`."""
    tags = make_tags(
        taken=taken,
        offset=offset,
        gps=gps,
        make=make,
        model=model,
        orientation=orientation,
        more=more,
    )
    drawn = draw_picture(width, height, seed) if picture is None else picture
    if format == "tiff":
        return _tiff(drawn, tags)
    block = tiff_block(tags) if exif is None else exif
    options: dict[str, Any] = {"icc_profile": icc} if icc else {}
    if block:
        options["exif"] = b"Exif\0\0" + block if format in ("jpeg", "mpo") else block
    if xmp:
        options["xmp"] = xmp
    if comment:
        options["comment"] = comment
    if progressive:
        options["progressive"] = True
    if format == "mpo":
        other = draw_picture(drawn.width // 2, drawn.height // 2, seed + 1)
        options |= {"save_all": True, "append_images": [other]}
    if format == "heif":
        pillow_heif.register_heif_opener()
    out = BytesIO()
    drawn.save(out, format=format.upper(), **options)
    return out.getvalue()


def make_jpeg(
    width: int = 1200,
    height: int = 800,
    *,
    taken: str | bytes | None = "2026:04:25 18:21:07",
    offset: str | None = "+08:00",
    gps: tuple[float, float] | None = None,
    make: str = "Canon",
    model: str = "EOS R5",
    orientation: int = 1,
    seed: int = 0,
    more: Tags | None = None,
    exif: bytes | None = None,
) -> bytes:
    """A JPEG as a camera writes it. `width` and `height` are those stored, before orientation."""
    return make_image(
        "jpeg",
        width,
        height,
        exif=exif,
        seed=seed,
        taken=taken,
        offset=offset,
        gps=gps,
        make=make,
        model=model,
        orientation=orientation,
        more=more,
    )


def _tiff(picture: Image.Image, tags: Tags) -> bytes:
    # Pillow loses the GPS directory when it writes TIFF, so the pixels are put in by hand.
    pixels = picture.convert("RGB").tobytes()
    ifd0 = (
        long_entry(0x0100, picture.width),
        long_entry(0x0101, picture.height),
        short_entry(0x0102, 8, 8, 8),
        short_entry(0x0103, 1),
        short_entry(0x0106, 2),
        long_entry(0x0111, 8),
        short_entry(0x0115, 3),
        long_entry(0x0116, picture.height),
        long_entry(0x0117, len(pixels)),
    )
    return tiff_block(Tags(_overlaid(ifd0, tags.ifd0), tags.exif, tags.gps), lead=pixels)

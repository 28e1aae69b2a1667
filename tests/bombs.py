"""Files that mean harm, made on the spot: few bytes that claim or unfold much, or are two things."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Final

from PIL import Image

from tests.pictures import Tags, ascii_entry, long_entry, make_image, make_jpeg, short_entry
from tests.raws import box, make_raw, plain_jpeg

MIB: Final = 1024 * 1024
BILLION_LAUGHS: Final = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><x:xmpmeta xmlns:x='adobe:ns:meta/'>&j;</x:xmpmeta>"
)


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def black_png(width: int, height: int, *extra: bytes, bits: int = 1) -> bytes:
    """A whole black PNG in few bytes, with further chunks before its data."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * bits + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, min(bits, 8), 0 if bits <= 8 else 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), *extra, chunk(b"IDAT", rows), chunk(b"IEND", b""))
    )


@cache
def unfolding(size: int) -> bytes:
    """Zeros, compressed a thousandfold."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join(parts) + packer.flush()


def jpeg_of(width: int, height: int, data: bytes | None = None) -> bytes:
    """A JPEG whose header claims this size."""
    jpeg = bytearray(data or plain_jpeg(64, 48))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(jpeg)


def many_scans(scans: int) -> bytes:
    """A progressive JPEG of 25 megapixels that repeats its last scan: each goes over all pixels."""
    out = BytesIO()
    Image.new("L", (5000, 5000), 90).save(out, "JPEG", progressive=True, quality=90)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def black_tiff(width: int, height: int, *, directories: int = 1, deflated: bool = True) -> bytes:
    """A TIFF of one strip that unfolds to this many black pixels."""
    packed = unfolding(width * height // MIB * MIB + MIB) if deflated else b""
    head = b"II*\0" + struct.pack("<I", 8 + len(packed) + len(packed) % 2) + packed
    out = bytearray(head + b"\0" * (len(packed) % 2))
    entries = (
        (256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 8 if deflated else 1), (262, 3, 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(packed)),
    )  # fmt: skip
    for number in range(directories):
        out += struct.pack("<H", len(entries))
        for tag, kind, value in entries:
            out += struct.pack("<HHII", tag, kind, 1, value)
        out += struct.pack("<I", len(out) + 4 if number + 1 < directories else 0)
    return bytes(out)


def webp_of(width: int, height: int) -> bytes:
    """A lossless WebP whose header claims this size."""
    webp = bytearray(make_image("webp", 64, 48, exif=b""))
    lossy = webp.index(b"VP8 ")
    webp[lossy + 14 : lossy + 18] = struct.pack("<HH", width & 0x3FFF, height & 0x3FFF)
    return bytes(webp)


def claiming(data: bytes, width: int, height: int) -> bytes:
    """A HEIF or AVIF whose size boxes claim this."""
    out, at = bytearray(data), data.find(b"ispe")
    while at != -1:
        out[at + 8 : at + 16] = struct.pack(">II", width, height)
        at = data.find(b"ispe", at + 4)
    return bytes(out)


def animated_webp(frames: int) -> bytes:
    """A WebP of many pictures."""
    pictures = [Image.new("RGB", (400, 400), (n % 256, 0, 0)) for n in range(frames)]
    out = BytesIO()
    pictures[0].save(out, "WEBP", save_all=True, append_images=pictures[1:], duration=10)
    return out.getvalue()


def mpo_with_hidden_bomb() -> bytes:
    """A small picture, and behind it a second one of four thousand million pixels."""
    mpo = make_image("mpo", 640, 480)
    second = mpo.rindex(b"\xff\xd8\xff")
    return mpo[:second] + jpeg_of(65_000, 65_000, mpo[second:])


def forged_exif() -> bytes:
    """EXIF whose directories name 65,535 tags each and point at each other."""
    block = b"II*\0\x08\0\0\0" + (b"\xff\xff" + b"\x69\x87\x04\0\x01\0\0\0\x08\0\0\0" * 5000)
    return make_jpeg(64, 48, exif=block[:65_000])


def boxes_in_boxes() -> bytes:
    nested = b""
    for _ in range(2000):
        nested = box(b"moov", nested)
    return box(b"ftyp", b"crx \0\0\0\x01crx isom") + nested


SMALL_PNG: Final = black_png(64, 48)
# These take seconds to make or to read, each.
SLOW: Final = frozenset(
    {
        "png at the limit",
        "png of 900 megapixels",
        "progressive jpeg of 400 scans",
        "progressive jpeg of 60 scans",
        "tiff at the limit",
        "tiff of 400 megapixels",
    }
)
# What is refused, each in words.
REFUSED: Final[dict[str, Callable[[], bytes]]] = {
    "png of 900 megapixels": lambda: black_png(30_000, 30_000),
    "png that claims 2^62 pixels": lambda: SMALL_PNG.replace(
        struct.pack(">II", 64, 48), struct.pack(">II", 2**31 - 1, 2**31 - 1)
    ),
    "jpeg that claims 4,290 megapixels": lambda: jpeg_of(65_500, 65_500),
    "webp that claims 268 megapixels": lambda: webp_of(16_383, 16_383),
    "heif that claims 1,600 megapixels": lambda: claiming(
        make_image("heif", 64, 48), 40_000, 40_000
    ),
    "avif that claims 1,600 megapixels": lambda: claiming(
        make_image("avif", 64, 48), 40_000, 40_000
    ),
    "tiff of 400 megapixels": lambda: black_tiff(20_000, 20_000),
    "tiff that claims 2^62 pixels": lambda: black_tiff(2**31 - 1, 2**31 - 1, deflated=False),
    "tiff that has no data": lambda: black_tiff(9_000, 9_000, deflated=False),
    "png with a text that unfolds to 256 MiB": lambda: black_png(
        64, 48, chunk(b"zTXt", b"Comment\0\0" + unfolding(256 * MIB))
    ),
    "png with a profile that unfolds to 256 MiB": lambda: black_png(
        64, 48, chunk(b"iCCP", b"icc\0\0" + unfolding(256 * MIB))
    ),
    "png of 100,000 chunks": lambda: black_png(64, 48, *[chunk(b"teSt", b"")] * 100_000),
    "progressive jpeg of 400 scans": lambda: many_scans(400),
    "jpeg of 100,000 segments": lambda: (
        plain_jpeg(64, 48)[:2] + b"\xff\xe5\0\2" * 100_000 + plain_jpeg(64, 48)[2:]
    ),
    "raw with a bomb inside": lambda: make_raw("nef", jpeg_of(60_000, 60_000), plain_jpeg(64, 48)),
    "cr3 of boxes in boxes": boxes_in_boxes,
    "gif": lambda: make_image("gif", 64, 48, exif=b""),
    "svg with entities": lambda: BILLION_LAUGHS.replace(b"x:xmpmeta", b"svg"),
    "zip": lambda: b"PK\x03\x04" + bytes(1000),
    "page that is called a picture": lambda: b"<html><script>alert(1)</script></html>",
    "nothing but noise after the mark of a jpeg": lambda: b"\xff\xd8\xff\xe0" + bytes(100_000),
}
# What is a picture all the same, and is taken: what hides in it costs nothing.
TAKEN: Final[dict[str, Callable[[], bytes]]] = {
    "png at the limit": lambda: black_png(10_000, 10_000, bits=24),
    "tiff at the limit": lambda: black_tiff(10_000, 10_000),
    "progressive jpeg of 60 scans": lambda: many_scans(60),
    "jpeg that claims more than it has": lambda: jpeg_of(9000, 9000),
    "mpo with a hidden bomb": mpo_with_hidden_bomb,
    "webp of 60 pictures": lambda: animated_webp(60),
    "tiff of 20,000 directories": lambda: black_tiff(64, 48, directories=20_000),
    "jpeg with a zip behind it": lambda: make_jpeg(640, 480) + b"PK\x03\x04" + bytes(2000),
    "jpeg with 60 MiB behind it": lambda: make_jpeg(640, 480) + bytes(60 * MIB),
    "jpeg with a page in its comment": lambda: make_image(
        "jpeg", 640, 480, comment=b"<script>alert(1)</script>"
    ),
    "png with a page behind it": lambda: SMALL_PNG + b"<html><script>alert(1)</script>",
    "jpeg with forged exif": forged_exif,
    "jpeg with entities in its xmp": lambda: make_image("jpeg", 64, 48, xmp=BILLION_LAUGHS),
    "jpeg with a tag of 4 GiB": lambda: make_jpeg(
        64, 48, more=Tags(ifd0=(long_entry(0x0100, 1), ascii_entry(0x010E, b"x" * 30_000)))
    ),
    "jpeg that is turned 77 ways": lambda: make_jpeg(
        64, 48, more=Tags(ifd0=(short_entry(0x0112, 77),))
    ),
    "raw with 2,000 bytes of nothing behind it": lambda: make_raw(
        "raf", make_jpeg(640, 480), b""
    ) + bytes(2000),
}  # fmt: skip

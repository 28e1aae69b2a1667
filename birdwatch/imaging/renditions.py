"""The pictures that readers see, made from one decode: 2048, then each smaller one from the larger.

They are upright, in sRGB, on white where the original is transparent, never larger than the
original, and carry nothing of its metadata: a rendition is public, and the original may not be.

A new photo is shown as soon as FIRST_SIZES are there. The press JPEG is one of them: it takes a
fiftieth of the time of the pass, and LATER_SIZES can then be made from it, without decoding all
pixels of the original a second time.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import thumbhash
from PIL import Image, ImageCms

from birdwatch.domain.photo import EXTENSIONS, RENDITION_SIZES, Rendition
from birdwatch.imaging.fingerprint import fingerprint
from birdwatch.imaging.opening import PARSER_FAILURES, Permit, open_picture, permit_all
from birdwatch.imaging.orientation import is_sideways, upright
from birdwatch.imaging.probe import MAX_PIXELS
from birdwatch.imaging.source import open_source

PRESS_SIZE: Final = RENDITION_SIZES[-1]  # the JPEG that any newsroom can open
WEB_SIZES: Final = RENDITION_SIZES[:-1]
FIRST_SIZES: Final = (320, 1600, PRESS_SIZE)
LATER_SIZES: Final = tuple(size for size in RENDITION_SIZES if size not in FIRST_SIZES)
JPEG_QUALITY = 85
WEBP_QUALITY = 80
WEBP_METHOD = 4  # the effort that libwebp and sharp take by default
# The first step starts from a JPEG decoded near its size: two thirds of the time of Lanczos, and
# the pictures of real cameras come out the same to 59 dB.
BY_LESS_THAN_HALF = Image.Resampling.BICUBIC
THUMBHASH_EDGE = 32  # the hash holds seven waves along an edge; more pixels change nothing
Put = Callable[[int, memoryview], None]


@dataclass(frozen=True, slots=True)
class RenderResult:
    """Renditions, smallest first, the blurred placeholder as base64, and the fingerprint.

    The last two come with the smallest size, and are empty where it was not asked for.
    """

    renditions: tuple[Rendition, ...]
    thumbhash: str
    fingerprint: str = ""


def render(
    path: Path,
    out_dir: Path,
    *,
    max_pixels: int = MAX_PIXELS,
    sizes: tuple[int, ...] = RENDITION_SIZES,
) -> RenderResult:
    """Write renditions of a picture to `out_dir` as 320.webp … 2048.jpg: those of `sizes`.

    Raises what open_picture() raises; files already written are for the caller to remove.
    """

    def put(size: int, data: memoryview) -> None:
        (out_dir / rendition_name(size)).write_bytes(data)

    with path.open("rb") as file:
        return render_file(file, put, max_pixels=max_pixels, sizes=sizes)


def render_file(
    file: BinaryIO,
    put: Put,
    *,
    max_pixels: int = MAX_PIXELS,
    sizes: tuple[int, ...] = RENDITION_SIZES,
    permit: Permit = permit_all,
) -> RenderResult:
    """The same of an open file; each rendition is given to `put`."""
    source = open_source(file)
    largest = max(sizes)
    with open_picture(
        source.picture, source.picture_format, max_pixels=max_pixels, permit=permit
    ) as opened:
        full_size = opened.size
        opened.draft(None, _fitted(full_size, largest))
        opened.load()
        orientation = source.orientation(opened)
        icc = opened.info.get("icc_profile")
        picture = shrink(resizable(opened), _fitted(full_size, largest), BY_LESS_THAN_HALF)
    picture = to_srgb(on_white(eight_bit(upright(picture, orientation))), icc)
    picture.info = {}  # else the encoders would write a comment of the original again
    source_size = full_size[::-1] if is_sideways(orientation) else full_size
    return _write_all(picture, put, source_size, sizes)


def rendition_name(size: int) -> str:
    """The name of the file of a size: 320.webp."""
    return f"{size}.{EXTENSIONS[_kind(size)]}"


def web_sizes(source_edge: int) -> tuple[int, ...]:
    """The WebP sizes of a source: all smaller than its long edge, and the next one."""
    smaller = [size for size in WEB_SIZES if size < source_edge]
    return tuple(WEB_SIZES[: len(smaller) + 1])


def _write_all(
    picture: Image.Image, put: Put, source_size: tuple[int, int], sizes: tuple[int, ...]
) -> RenderResult:
    made = [_write(picture, PRESS_SIZE, put)] if PRESS_SIZE in sizes else []
    for size in reversed(web_sizes(max(source_size))):
        if size in sizes:
            picture = shrink(picture, _fitted(source_size, size))
            made.append(_write(picture, size, put))
    renditions = tuple(reversed(made))
    if min(WEB_SIZES) not in sizes:
        return RenderResult(renditions, "")
    return RenderResult(renditions, _thumbhash(picture), fingerprint(picture))


def _write(picture: Image.Image, size: int, put: Put) -> Rendition:
    out, kind = BytesIO(), _kind(size)
    if kind == "jpeg":
        picture.save(out, "JPEG", quality=JPEG_QUALITY, comment=b"")
    else:
        picture.save(out, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHOD)
    data = out.getbuffer()
    put(size, data)
    digest = hashlib.sha256(data).hexdigest()
    return Rendition(str(size), picture.width, picture.height, kind, len(data), digest)


def _kind(size: int) -> str:
    return "jpeg" if size == PRESS_SIZE else "webp"


def _thumbhash(picture: Image.Image) -> str:
    small = shrink(picture, _fitted(picture.size, THUMBHASH_EDGE)).convert("RGBA")
    data = thumbhash.rgba_to_thumb_hash(small.width, small.height, small.tobytes())
    return base64.b64encode(bytes(data)).decode()


def _fitted(size: tuple[int, int], edge: int) -> tuple[int, int]:
    """The size whose long edge is `edge`, or the size itself where it is smaller."""
    scale = min(1.0, edge / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrink(
    picture: Image.Image,
    size: tuple[int, int],
    by_less_than_half: Image.Resampling = Image.Resampling.LANCZOS,
) -> Image.Image:
    """A smaller picture, as sharp as the pixels allow."""
    if size == picture.size:
        return picture.copy()
    is_little = 2 * max(size) > max(picture.size)
    gap = None if picture.mode.startswith("I;16") else 3.0  # 16 bits cannot be reduced first
    how = by_less_than_half if is_little else Image.Resampling.LANCZOS
    return picture.resize(size, how, reducing_gap=gap)


def resizable(picture: Image.Image) -> Image.Image:
    """The picture in a mode whose neighbouring values may be averaged."""
    mode = picture.mode
    if mode in ("P", "PA"):
        has_alpha = mode == "PA" or "transparency" in picture.info
        return picture.convert("RGBA" if has_alpha else "RGB")
    if "transparency" in picture.info and mode in ("1", "L", "RGB"):
        return picture.convert("RGBA")
    if mode == "1":
        return picture.convert("L")
    return picture


def eight_bit(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, scaled by what its mode can hold, or by what it does hold."""
    if not picture.mode.startswith("I") and picture.mode != "F":
        return picture
    values = picture.convert("F")
    darkest, brightest = cast("tuple[float, float]", values.getextrema())
    if picture.mode.startswith("I;16") or 255 < brightest <= 65_535:
        darkest, brightest = 0.0, 65_535.0
    elif darkest >= 0 and 1 < brightest <= 255:
        darkest, brightest = 0.0, 255.0
    scale = 255 / ((brightest - darkest) or 1.0)
    return values.point(lambda value: value * scale - darkest * scale).convert("L")


def on_white(picture: Image.Image) -> Image.Image:
    """The picture without transparency."""
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert("LA" if picture.mode == "La" else "RGBA")
    if picture.mode not in ("LA", "RGBA"):
        return picture
    solid = Image.new(picture.mode[:-1], picture.size, 255 if picture.mode == "LA" else "white")
    solid.paste(picture.convert(solid.mode), mask=picture.getchannel("A"))
    return solid


def to_srgb(picture: Image.Image, icc: object) -> Image.Image:
    """The colours as a browser shows them; a profile that cannot be read counts as absent."""
    if isinstance(icc, bytes) and icc:
        try:
            return _convert_colours(picture, icc)
        except (ImageCms.PyCMSError, *PARSER_FAILURES):
            pass
    if picture.mode == "LAB":
        return _converted(picture, ImageCms.createProfile("LAB"))
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _convert_colours(picture: Image.Image, icc: bytes) -> Image.Image:
    profile = ImageCms.ImageCmsProfile(BytesIO(icc))
    if picture.mode == "RGB" and "srgb" in ImageCms.getProfileDescription(profile).lower():
        return picture
    return _converted(picture, profile)


def _converted(picture: Image.Image, profile: Any) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(picture, profile, srgb, outputMode="RGB")
    return cast("Image.Image", converted)  # only a conversion in place gives nothing

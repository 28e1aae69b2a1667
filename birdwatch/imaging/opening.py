"""Opens a picture within limits: only the format it was sniffed to be, and no more pixels than set.

Everything that Pillow and its codecs raise is turned into the archive's own errors here.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO, Final

import pillow_heif
from PIL import Image, TiffImagePlugin

from birdwatch.domain.errors import (
    BirdwatchError,
    InvalidInputError,
    TooLargeError,
    UnsupportedMediaError,
)
from birdwatch.imaging.pieces import check_pieces
from birdwatch.imaging.sniff import HEAD_BYTES, OTHER_RAW, describe, sniff

# What codecs and parsers were seen to raise on broken bytes, beside their own subclasses of these.
PARSER_FAILURES: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
_PLUGINS = {"jpeg": "JPEG", "heif": "HEIF", "png": "PNG", "webp": "WEBP", "tiff": "TIFF",
            "avif": "AVIF"}  # fmt: skip
Permit = Callable[[int], None]  # is told the pixels, and returns when they may be decoded
NEW_SUBFILE_TYPE, SUB_IFDS, DNG_VERSION = 254, 330, 50706


def permit_all(pixels: int) -> None:
    """The permit of one who decodes alone."""
    del pixels


def sniff_file(file: BinaryIO) -> str:
    """The format of a file. Raises UnsupportedMediaError, or InvalidInputError when it is empty."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    file.seek(0)
    if not head:
        raise InvalidInputError(
            "photo.empty",
            zh="文件是空的。请重新选择原始照片上传。",
            en="The file is empty. Choose the original photo and send it again.",
        )
    picture_format = sniff(head)
    if picture_format is None:
        what = describe(head)
        raise _unsupported(what.zh, what.en)
    return picture_format


@contextmanager
def open_picture(
    file: BinaryIO, picture_format: str, *, max_pixels: int, permit: Permit = permit_all
) -> Iterator[Image.Image]:
    """The first picture of a file, not decoded yet, its pixels counted by the header and permitted.

    Raises TooLargeError, InvalidInputError and UnsupportedMediaError, also for what fails inside
    the `with` block: a picture that breaks while it is decoded is as unreadable as any.
    """
    register_heif()
    check_pieces(file, picture_format)
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=[_PLUGINS[picture_format]]) as picture:
                _check_size(picture, max_pixels)
                _refuse_raw(picture)
                permit(picture.width * picture.height)
                yield picture
    except BirdwatchError:
        raise
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise too_many_pixels(max_pixels) from None
    except PARSER_FAILURES as error:
        raise _unreadable(error) from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def too_many_pixels(max_pixels: int) -> TooLargeError:
    """The error for a picture over the limit, which it names in millions."""
    millions = max_pixels // 1_000_000
    return TooLargeError(
        "photo.too_many_pixels",
        zh=f"照片的像素超过上限（{millions} 百万像素）。请缩小后重新上传。",
        en=f"The picture has more than {millions} million pixels. Send a smaller version.",
    )


def undecodable() -> InvalidInputError:
    """The error for a picture that no decoder can read, or that broke the one that tried."""
    return InvalidInputError(
        "photo.undecodable",
        zh="照片无法解码，文件可能已损坏。请从相机或存储卡重新导出后再上传。",
        en="The picture cannot be decoded; the file may be damaged. Export it again and resend it.",
    )


def truncated() -> InvalidInputError:
    """The file ends before the picture does."""
    return InvalidInputError(
        "photo.truncated",
        zh="照片不完整：文件在中途断了。请从相机或存储卡重新复制后再上传。",
        en="The picture is incomplete: the file breaks off. Copy it from the camera again.",
    )


def _too_much_memory() -> TooLargeError:
    return TooLargeError(
        "photo.needs_memory",
        zh="解码这张照片需要的内存超过上限。请缩小或另存为 JPEG 后重新上传。",
        en="Decoding this picture takes more memory than allowed. Send a smaller version or a JPEG.",
    )


def _unsupported(zh: str, en: str) -> UnsupportedMediaError:
    return UnsupportedMediaError(
        "photo.unsupported",
        zh=f"这不是可以接收的照片，而是{zh}。请上传 JPEG、HEIC、PNG、WebP、TIFF、AVIF，"
        "或 CR2、CR3、NEF、ARW、DNG、RAF。",
        en=f"This is not a picture the archive takes but {en}."
        " Send JPEG, HEIC, PNG, WebP, TIFF or AVIF, or CR2, CR3, NEF, ARW, DNG or RAF.",
    )


def _unreadable(error: Exception) -> BirdwatchError:
    said = str(error).lower()
    if isinstance(error, MemoryError) or "memory" in said:
        return _too_much_memory()
    is_short = isinstance(error, EOFError) or "truncated" in said
    return truncated() if is_short else undecodable()


def _check_size(picture: Image.Image, max_pixels: int) -> None:
    if picture.width * picture.height > max_pixels:
        raise too_many_pixels(max_pixels)
    if picture.width < 1 or picture.height < 1:
        raise undecodable()


def _refuse_raw(picture: Image.Image) -> None:
    """Refuse other raw files in TIFF's clothes: their first picture is only a small preview."""
    if not isinstance(picture, TiffImagePlugin.TiffImageFile):
        return
    tags = picture.tag_v2
    is_preview = tags.get(NEW_SUBFILE_TYPE) == 1 and SUB_IFDS in tags
    if DNG_VERSION in tags or is_preview:
        raise _unsupported(OTHER_RAW.zh, OTHER_RAW.en)


@cache
def register_heif() -> None:
    """Teach Pillow HEIF, once; only the picture itself is ever decoded of such a file."""
    pillow_heif.register_heif_opener(
        thumbnails=False, depth_images=False, aux_images=False, decode_threads=1
    )

"""What a file is, told by its first bytes: its name and the sender's word count for nothing."""

from __future__ import annotations

from birdwatch.domain.text import Text

HEAD_BYTES = 512  # what sniff() and describe() need to see
AVIF_BRANDS = frozenset({b"avif", b"avis"})
HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})

OTHER_RAW = Text("不支持的相机 RAW 文件", "a camera raw file of a kind it cannot read")
NOTHING_KNOWN = Text("无法识别的内容", "something that is not a picture we know")
_TEXT_MARKS: tuple[tuple[bytes, Text], ...] = (
    (b"<!doctype html", Text("HTML 网页", "an HTML page")),
    (b"<html", Text("HTML 网页", "an HTML page")),
    (b"<svg", Text("SVG 矢量图", "an SVG drawing")),
    (b"<?xml", Text("XML 文件", "an XML file")),
)
_MARKS: tuple[tuple[bytes, Text], ...] = (
    (b"%PDF", Text("PDF 文档", "a PDF document")),
    (b"GIF8", Text("GIF 图像", "a GIF picture")),
    (b"BM", Text("BMP 图像", "a BMP picture")),
    (b"8BPS", Text("Photoshop 文档", "a Photoshop document")),
    (b"PK\x03\x04", Text("ZIP 压缩包", "a ZIP archive")),
    (b"\x00\x00\x00\x0cjP  ", Text("JPEG 2000 图像", "a JPEG 2000 picture")),
    (b"\xff\x0a", Text("JPEG XL 图像", "a JPEG XL picture")),
    (b"\x00\x00\x00\x0cJXL ", Text("JPEG XL 图像", "a JPEG XL picture")),
    (b"IIRO", OTHER_RAW),
    (b"IIRS", OTHER_RAW),
    (b"IIU\x00", OTHER_RAW),
    (b"FOVb", OTHER_RAW),
    (b"\x1aE\xdf\xa3", Text("视频", "a video")),
)


def sniff(head: bytes) -> str | None:
    """The format of a file that begins so: jpeg, heif, png, webp, tiff, avif, cr2, cr3, raf, or None.

    Other raw files begin as TIFF does: their first directory tells, see raw.py.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith((b"II*\x00", b"MM\x00*")):
        return "cr2" if _is_canon_raw(head) else "tiff"
    if head.startswith(b"FUJIFILMCCD-RAW"):
        return "raf"
    brands = _brands(head)
    if b"crx " in brands:
        return "cr3"
    if brands & AVIF_BRANDS:
        return "avif"
    return "heif" if brands & HEIF_BRANDS else None


def describe(head: bytes) -> Text:
    """What a file is that is no picture for us, as the end of "this is ..."."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(b"<?xml") and b"<svg" in text:
        text = b"<svg"
    for mark, name in _TEXT_MARKS:
        if text.startswith(mark):
            return name
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    return Text("视频", "a video") if _brands(head) else NOTHING_KNOWN


def _is_canon_raw(head: bytes) -> bool:
    return head[8:10] == b"CR"


def _brands(head: bytes) -> frozenset[bytes]:
    """The major and compatible brands of an ISO media file, empty for any other file."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset({head[8:12]} | {head[at : at + 4] for at in range(16, end - 3, 4)})

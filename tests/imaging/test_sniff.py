"""What a file is, told by its first bytes."""

from __future__ import annotations

import pytest

from birdwatch.domain.text import Text
from birdwatch.imaging.sniff import NOTHING_KNOWN, OTHER_RAW, describe, sniff
from tests.pictures import Format, make_image


@pytest.mark.parametrize(
    ("made", "sniffed"),
    [
        ("jpeg", "jpeg"),
        ("mpo", "jpeg"),
        ("png", "png"),
        ("webp", "webp"),
        ("tiff", "tiff"),
        ("heif", "heif"),
        ("avif", "avif"),
        ("gif", None),
    ],
)
def test_sniff_knows_the_formats_the_archive_takes(made: Format, sniffed: str | None) -> None:
    assert sniff(make_image(made, 64, 48)[:512]) == sniffed


@pytest.mark.parametrize(
    ("head", "sniffed"),
    [
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "cr2"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "cr3"),
        (b"FUJIFILMCCD-RAW 0201", "raf"),
    ],
)
def test_sniff_knows_raw_files_that_say_what_they_are(head: bytes, sniffed: str) -> None:
    assert sniff(head) == sniffed


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"<!DOCTYPE html><title>x", Text("HTML 网页", "an HTML page")),
        (b"\xef\xbb\xbf  <HTML>", Text("HTML 网页", "an HTML page")),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', Text("SVG 矢量图", "an SVG drawing")),
        (b'<?xml version="1.0"?><svg/>', Text("SVG 矢量图", "an SVG drawing")),
        (b"%PDF-1.7", Text("PDF 文档", "a PDF document")),
        (b"GIF89a", Text("GIF 图像", "a GIF picture")),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", Text("视频", "a video")),
        (b"IIRO\x08\x00\x00\x00", OTHER_RAW),
        (b"IIU\x00\x18\x00\x00\x00", OTHER_RAW),
        (b"\x00" * 64, NOTHING_KNOWN),
    ],
)  # fmt: skip
def test_describe_names_what_was_sent_instead(head: bytes, what: Text) -> None:
    assert (sniff(head), describe(head)) == (None, what)

"""Renditions are looked at: their sizes, which way is up, their colours, and what they must not carry."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from birdwatch.domain.photo import EXTENSIONS, Rendition
from birdwatch.imaging.renditions import RenderResult, render, web_sizes
from tests.pictures import Format, draw_picture, make_image

FORMATS: list[Format] = ["jpeg", "mpo", "png", "webp", "tiff", "heif", "avif"]
SECRET = b"SECRET-OF-THE-ORIGINAL"
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a b="SECRET-OF-THE-ORIGINAL"/></x:xmpmeta>'


def render_bytes(folder: Path, data: bytes) -> RenderResult:
    source = folder / "source"
    source.write_bytes(data)
    return render(source, folder)


def open_rendition(folder: Path, rendition: Rendition) -> Image.Image:
    data = (folder / f"{rendition.key}.{EXTENSIONS[rendition.format]}").read_bytes()
    assert len(data) == rendition.size_bytes
    picture = Image.open(BytesIO(data))
    assert (picture.format or "").lower() == rendition.format
    picture.load()
    return picture


def sizes(result: RenderResult) -> list[tuple[str, int, int, str]]:
    return [(made.key, made.width, made.height, made.format) for made in result.renditions]


def near(pixel: object, wanted: tuple[int, int, int], tolerance: int = 12) -> bool:
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= tolerance for a, b in zip(pixel, wanted, strict=True))


@pytest.mark.parametrize(
    ("edge", "made"),
    [
        (1, (320,)),
        (320, (320,)),
        (321, (320, 800)),
        (800, (320, 800)),
        (1200, (320, 800, 1600)),
        (1600, (320, 800, 1600)),
        (9000, (320, 800, 1600)),
    ],
)
def test_web_sizes_are_the_smaller_ones_and_the_next(edge: int, made: tuple[int, ...]) -> None:
    assert web_sizes(edge) == made


def test_large_picture_gives_all_four(tmp_path: Path) -> None:
    result = render_bytes(tmp_path, make_image("jpeg", 3000, 2000))
    assert sizes(result) == [
        ("320", 320, 213, "webp"),
        ("800", 800, 533, "webp"),
        ("1600", 1600, 1067, "webp"),
        ("2048", 2048, 1365, "jpeg"),
    ]


@pytest.mark.parametrize("made", FORMATS)
def test_small_picture_is_never_enlarged(tmp_path: Path, made: Format) -> None:
    result = render_bytes(tmp_path, make_image(made, 500, 300))
    assert sizes(result) == [
        ("320", 320, 192, "webp"),
        ("800", 500, 300, "webp"),
        ("2048", 500, 300, "jpeg"),
    ]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4000, 3), (2, 5000)])
def test_extreme_shapes_keep_at_least_a_pixel(tmp_path: Path, width: int, height: int) -> None:
    result = render_bytes(tmp_path, make_image("png", width, height))
    for rendition in result.renditions:
        picture = open_rendition(tmp_path, rendition)
        assert picture.size == (rendition.width, rendition.height)
        assert min(picture.size) >= 1


@pytest.mark.parametrize("made", FORMATS)
def test_renditions_look_like_their_source(tmp_path: Path, made: Format) -> None:
    source = draw_picture(900, 600)
    result = render_bytes(tmp_path, make_image(made, picture=source))
    for rendition in result.renditions:
        tiny = open_rendition(tmp_path, rendition).resize((6, 4), Image.Resampling.BOX)
        wanted = source.resize((6, 4), Image.Resampling.BOX)
        for x, y in ((0, 0), (5, 0), (0, 3), (5, 3)):
            pixel = wanted.getpixel((x, y))
            assert isinstance(pixel, tuple)
            assert near(tiny.getpixel((x, y)), (pixel[0], pixel[1], pixel[2]))


QUARTERS = {"red": (255, 0, 0), "green": (0, 128, 0), "blue": (0, 0, 255), "white": (255,) * 3}
# Colours of the corners of the upright picture: top left, top right, bottom left, bottom right.
UPRIGHT = {
    1: ("red", "green", "blue", "white"),
    2: ("green", "red", "white", "blue"),
    3: ("white", "blue", "green", "red"),
    4: ("blue", "white", "red", "green"),
    5: ("red", "blue", "green", "white"),
    6: ("blue", "red", "white", "green"),
    7: ("white", "green", "blue", "red"),
    8: ("green", "white", "red", "blue"),
}


def draw_quarters() -> Image.Image:
    picture = Image.new("RGB", (400, 200))
    for name, at in zip(QUARTERS, ((0, 0), (200, 0), (0, 100), (200, 100)), strict=True):
        picture.paste(QUARTERS[name], (*at, at[0] + 200, at[1] + 100))
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("made", ["jpeg", "png", "webp", "tiff", "heif", "avif"])
def test_renditions_are_upright(tmp_path: Path, made: Format, orientation: int) -> None:
    data = make_image(made, picture=draw_quarters(), orientation=orientation)
    result = render_bytes(tmp_path, data)
    for rendition in result.renditions:
        picture = open_rendition(tmp_path, rendition)
        assert (picture.width > picture.height) == (orientation < 5)
        right, bottom = picture.width * 3 // 4, picture.height * 3 // 4
        left, top = picture.width // 4, picture.height // 4
        corners = ((left, top), (right, top), (left, bottom), (right, bottom))
        for corner, name in zip(corners, UPRIGHT[orientation], strict=True):
            assert near(picture.getpixel(corner), QUARTERS[name], 20), (rendition, corner)


@pytest.mark.parametrize("made", ["jpeg", "mpo", "png", "webp", "heif", "avif"])
def test_renditions_carry_nothing_of_the_originals_metadata(tmp_path: Path, made: Format) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = make_image(
        made,
        900,
        600,
        gps=(40.64, 122.13),
        make=SECRET.decode(),
        icc=srgb,
        xmp=XMP if made != "png" else None,
        comment=SECRET if made == "jpeg" else None,
    )
    assert SECRET in data
    result = render_bytes(tmp_path, data)
    for rendition in result.renditions:
        path = tmp_path / f"{rendition.key}.{EXTENSIONS[rendition.format]}"
        assert SECRET not in path.read_bytes()
        kept = set(open_rendition(tmp_path, rendition).info)
        assert kept <= {"jfif", "jfif_version", "jfif_unit", "jfif_density", "background", "loop",
                        "duration", "timestamp"}  # fmt: skip


def wide_gamut_profile() -> bytes:
    """A profile whose red and blue are exchanged: what it means cannot be missed."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * count, 12):
        name = bytes(profile[entry : entry + 4])
        swapped = {b"rXYZ": b"bXYZ", b"bXYZ": b"rXYZ"}.get(name)
        if swapped:
            profile[entry : entry + 4] = swapped
    return bytes(profile).replace(b"\0s\0R\0G\0B", b"\0o\0t\0h\0r")


def test_colours_are_converted_to_srgb(tmp_path: Path) -> None:
    data = make_image("png", picture=Image.new("RGB", (64, 64), (200, 20, 20)),
                      icc=wide_gamut_profile())  # fmt: skip
    result = render_bytes(tmp_path, data)
    for rendition in result.renditions:
        assert near(open_rendition(tmp_path, rendition).getpixel((30, 30)), (20, 20, 200))


def test_broken_colour_profile_counts_as_absent(tmp_path: Path) -> None:
    picture = Image.new("RGB", (64, 64), (200, 20, 20))
    result = render_bytes(tmp_path, make_image("png", picture=picture, icc=b"no profile at all"))
    assert near(open_rendition(tmp_path, result.renditions[0]).getpixel((30, 30)), (200, 20, 20))


def test_transparency_becomes_white(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    picture.paste((200, 20, 20, 255), (0, 0, 32, 64))
    result = render_bytes(tmp_path, make_image("png", picture=picture))
    for rendition in result.renditions:
        made = open_rendition(tmp_path, rendition)
        assert near(made.getpixel((10, 30)), (200, 20, 20))
        assert near(made.getpixel((54, 30)), (255, 255, 255))


def test_palette_with_a_transparent_colour_becomes_white(tmp_path: Path) -> None:
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([9, 9, 9, 200, 20, 20])
    picture.paste(1, (0, 0, 32, 64))
    picture.info["transparency"] = 0
    result = render_bytes(tmp_path, make_image("png", picture=picture))
    made = open_rendition(tmp_path, result.renditions[0])
    assert near(made.getpixel((10, 30)), (200, 20, 20))
    assert near(made.getpixel((54, 30)), (255, 255, 255))


@pytest.mark.parametrize("mode", ["1", "L", "I;16"])
def test_grey_of_any_depth_keeps_its_brightness(tmp_path: Path, mode: str) -> None:
    picture = Image.new(mode, (64, 64), {"1": 1, "L": 128, "I;16": 128 * 257}[mode])
    result = render_bytes(tmp_path, make_image("png", picture=picture, exif=b""))
    wanted = 255 if mode == "1" else 128
    made = open_rendition(tmp_path, result.renditions[0])
    assert near(made.convert("RGB").getpixel((30, 30)), (wanted, wanted, wanted), 2)


def test_printers_colours_become_screen_colours(tmp_path: Path) -> None:
    picture = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    result = render_bytes(tmp_path, make_image("jpeg", picture=picture))
    assert near(open_rendition(tmp_path, result.renditions[0]).getpixel((30, 30)), (255, 0, 0), 40)


def test_first_picture_of_several_is_taken(tmp_path: Path) -> None:
    result = render_bytes(tmp_path, make_image("mpo", 900, 600))
    assert result.renditions[-1].width == 900


def test_thumbhash_is_short_base64(tmp_path: Path) -> None:
    result = render_bytes(tmp_path, make_image("jpeg", 900, 600))
    assert len(base64.b64decode(result.thumbhash, validate=True)) <= 25


def test_same_picture_gives_the_same_bytes(tmp_path: Path) -> None:
    data = make_image("jpeg", 900, 600)
    assert render_bytes(tmp_path, data) == render_bytes(tmp_path, data)

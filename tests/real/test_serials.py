"""Serial numbers in the makers' notes of real photos, beside what exiftool reads there."""

from __future__ import annotations

import json
import shutil
import subprocess
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from birdwatch.imaging.maker_note import read_maker_serial

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "photos"
MAKERS = ("Canon", "Nikon", "Olympus", "FujiFilm", "Panasonic", "Sony")
# Files whose serial is not the one exiftool reads.
DIFFERENCES = {
    "Panasonic_DMC-FZ30.jpg": "its note was moved by two bytes when the file was edited",
}
ASKED = [
    f"-{maker}:{name}" for maker in MAKERS for name in ("SerialNumber", "InternalSerialNumber")
]


@pytest.mark.skipif(not DATA.exists(), reason="shared/data/photos is not here")
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_serials_of_real_cameras_are_those_that_exiftool_reads() -> None:
    paths = sorted(path for path in DATA.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    asked = ["exiftool", "-j", "-n", "-G1", *ASKED, *map(str, paths)]
    told = json.loads(subprocess.run(asked, capture_output=True, check=False).stdout)
    ours = {str(path): read_maker_serial(BytesIO(_exif_of(path))) for path in paths}
    theirs = {one["SourceFile"]: _serial(one) for one in told}
    differing = {
        path: (serial, theirs.get(path, ""))
        for path, serial in ours.items()
        if serial != theirs.get(path, "")
    }
    assert {Path(path).name for path in differing} == set(DIFFERENCES)
    assert len([serial for serial in ours.values() if serial]) == 4


def _serial(told: dict[str, object]) -> str:
    """As the archive writes it: Canon's as ten digits, others without blanks and their prefix."""
    if "Canon:SerialNumber" in told:
        return f"{told['Canon:SerialNumber']:010}"
    for kind in ("SerialNumber", "InternalSerialNumber"):
        for maker in MAKERS[1:]:
            found = " ".join(str(told.get(f"{maker}:{kind}", "")).split()).removeprefix("NO= ")
            if found:
                return found
    return ""


def _exif_of(path: Path) -> bytes:
    try:
        with Image.open(path) as picture:
            block = picture.info.get("exif", b"")
    except OSError:
        return b""
    return bytes(block).removeprefix(b"Exif\0\0")

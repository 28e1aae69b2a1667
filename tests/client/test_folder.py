from __future__ import annotations

import os
from pathlib import Path

import pytest

from birdwatch.client import list_folder
from birdwatch.client.folder import hash_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "card"
    for name in (
        "DCIM/B.JPG", "DCIM/a.heic", "c.CR3", "notes.txt", "clip.mp4", "empty.jpg",
        ".hidden.jpg", "._a.jpg", ".trash/x.jpg", "DCIM/.thumbs/y.jpg",
    ):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if name == "empty.jpg" else name.encode())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "z.jpg").write_bytes(b"z")
    (folder / "link.jpg").symlink_to(tmp_path / "elsewhere" / "z.jpg")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(folder / "pipe.jpg")
    return folder


def test_folder_gives_pictures_in_order_and_nothing_hidden(folder: Path) -> None:
    listing = list_folder(folder)
    assert [one.name for one in listing.pictures] == ["c.CR3", "DCIM/B.JPG", "DCIM/a.heic"]
    assert listing.others == ("clip.mp4", "notes.txt")
    assert listing.empty == ("empty.jpg",)


def test_folder_that_is_named_may_be_hidden_itself(tmp_path: Path) -> None:
    (tmp_path / ".card").mkdir()
    (tmp_path / ".card" / "a.jpg").write_bytes(b"a")
    assert [one.name for one in list_folder(tmp_path / ".card").pictures] == ["a.jpg"]


def test_folder_that_is_none_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list_folder(tmp_path / "nothing")


def test_file_is_another_once_its_size_or_time_moves(folder: Path) -> None:
    found = list_folder(folder).pictures[0]
    assert found.is_unchanged
    os.utime(found.path, ns=(0, found.mtime_ns + 1))
    assert not found.is_unchanged
    found.path.unlink()
    assert not found.is_unchanged


def test_hash_is_of_every_byte(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert hash_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

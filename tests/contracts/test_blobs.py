"""What a store of originals and renditions must do."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import InvalidInputError, TooLargeError, UnavailableError
from birdwatch.storage.blobs.files import FileBlobs, Incoming
from birdwatch.storage.db import Database
from birdwatch.storage.homes import settle_home

pytestmark = pytest.mark.anyio
PICTURE = os.urandom(700_000)
SHA256 = hashlib.sha256(PICTURE).hexdigest()
LIMIT = 1_000_000
ROOT = Path(__file__).parents[2]


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "media")


async def chunks(data: bytes, size: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def received(blobs: FileBlobs, data: bytes = PICTURE) -> Incoming:
    return await blobs.receive(chunks(data), LIMIT)


def left_over(blobs: FileBlobs) -> list[Path]:
    return list((blobs.home / "incoming").iterdir())


async def test_original_is_kept_whole_under_its_hash_and_read_only(blobs: FileBlobs) -> None:
    incoming = await received(blobs)
    assert (incoming.sha256, incoming.size) == (SHA256, len(PICTURE))
    assert incoming.path.stat().st_mode & 0o777 == 0o600
    assert not blobs.has_original(SHA256)
    await blobs.keep(incoming)
    path = blobs.original_path(SHA256)
    assert path == blobs.home / "originals" / SHA256[:2] / SHA256[2:4] / SHA256
    assert path.read_bytes() == PICTURE
    assert path.stat().st_mode & 0o777 == 0o444
    assert blobs.has_original(SHA256)
    assert left_over(blobs) == [incoming.path]  # until a row speaks of the original
    await blobs.discard(incoming)
    assert (left_over(blobs), path.read_bytes()) == ([], PICTURE)


async def test_original_is_taken_back_by_those_only_who_put_it_there(blobs: FileBlobs) -> None:
    first, twin = await received(blobs), await received(blobs)
    await blobs.keep(first)
    await blobs.keep(twin)
    blobs.take_back(twin)
    assert blobs.has_original(SHA256)
    blobs.take_back(first)
    assert not blobs.has_original(SHA256)
    blobs.take_back(first)
    await blobs.keep(twin)
    assert blobs.original_path(SHA256).read_bytes() == PICTURE


async def test_the_same_bytes_again_do_not_touch_the_original(blobs: FileBlobs) -> None:
    await blobs.keep(await received(blobs))
    before = blobs.original_path(SHA256).stat()
    await blobs.keep(await received(blobs))
    after = blobs.original_path(SHA256).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_discarded_bytes_are_gone_and_may_be_discarded_twice(blobs: FileBlobs) -> None:
    incoming = await received(blobs)
    await blobs.discard(incoming)
    await blobs.discard(incoming)
    assert left_over(blobs) == []


async def test_too_many_bytes_are_refused_and_removed(blobs: FileBlobs) -> None:
    with pytest.raises(TooLargeError):
        await blobs.receive(chunks(PICTURE), 600_000)
    assert left_over(blobs) == []


async def test_no_bytes_are_refused(blobs: FileBlobs) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await received(blobs, b"")
    assert refused.value.code == "photo.empty"
    assert left_over(blobs) == []


async def test_a_sender_who_leaves_leaves_nothing(blobs: FileBlobs) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PICTURE
        raise ConnectionResetError(errno.ECONNRESET, "gone")

    async def silent() -> AsyncIterator[bytes]:
        yield PICTURE
        await anyio.sleep(60)

    with pytest.raises(UnavailableError):
        await blobs.receive(broken(), LIMIT)
    with anyio.move_on_after(0.2):
        await blobs.receive(silent(), LIMIT)
    assert left_over(blobs) == []


async def test_rendition_is_written_whole_and_replaces_the_earlier_one(blobs: FileBlobs) -> None:
    for data in (b"first", b"second"):
        path = await blobs.put_rendition("1kpm2zn00835198e", "2048", "jpeg", data)
        assert path == blobs.rendition_path("1kpm2zn00835198e", "2048", "jpeg")
        assert [found.read_bytes() for found in path.parent.iterdir()] == [data]
    assert path.name == "2048.jpg"


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "a\0b", "鸟", "."])
async def test_names_that_leave_the_folder_are_refused(blobs: FileBlobs, name: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        blobs.original_path(name)
    with pytest.raises(ValueError, match="not a"):
        blobs.rendition_path(name, "320", "webp")
    with pytest.raises(ValueError, match="not a"):
        blobs.rendition_path("1kpm2zn00835198e", name, "webp")


async def test_a_full_disk_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    reserve = shutil.disk_usage(tmp_path).total + 1
    blobs = FileBlobs(tmp_path / "media", reserve_bytes=reserve)
    with pytest.raises(UnavailableError) as refused:
        await received(blobs)
    assert refused.value.code == "storage.full"
    assert left_over(blobs) == []


FULL = """
import asyncio, resource, signal, sys
from pathlib import Path
from birdwatch.domain.errors import UnavailableError
from birdwatch.storage.blobs.files import FileBlobs

async def chunks():
    for _ in range(20):
        yield bytes(64 * 1024)

async def main():
    blobs = FileBlobs(Path(sys.argv[1]))
    blobs.check_home()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512 * 1024, 512 * 1024))
    try:
        await blobs.receive(chunks(), 10_000_000)
    except UnavailableError as error:
        print(error.code, list((blobs.home / "incoming").iterdir()))

asyncio.run(main())
"""


async def test_a_disk_that_fills_while_writing_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "media")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "storage.full []\n"


@pytest.mark.parametrize("room", [1, 100_000, len(PICTURE) - 1])
async def test_a_disk_that_fills_within_the_last_write_keeps_no_half_of_it(
    blobs: FileBlobs, room: int
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    await blobs.discard(await received(blobs))  # the home is made and marked
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(UnavailableError) as refused:
            await blobs.receive(chunks(PICTURE, size=len(PICTURE)), LIMIT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code == "storage.full"
    assert left_over(blobs) == []


async def test_a_home_that_was_in_use_and_is_gone_stops_writes(blobs: FileBlobs) -> None:
    await blobs.keep(await received(blobs))
    away = blobs.home.rename(blobs.home.with_name("unmounted"))
    for empty in (False, True):
        if empty:
            blobs.home.mkdir()
        with pytest.raises(UnavailableError) as refused:
            await received(blobs)
        assert refused.value.code == "storage.missing"
        with pytest.raises(UnavailableError):
            await blobs.put_rendition("1kpm2zn00835198e", "320", "webp", b"x")
    assert list(blobs.home.iterdir()) == []
    blobs.home.rmdir()
    away.rename(blobs.home)
    await blobs.keep(await received(blobs))


async def test_a_marked_home_without_its_originals_stops_writes(blobs: FileBlobs) -> None:
    blobs.check_home()
    shutil.rmtree(blobs.home / "originals")
    with pytest.raises(UnavailableError) as refused:
        FileBlobs(blobs.home).check_home()
    assert refused.value.code == "storage.missing"


async def test_the_database_remembers_its_folder(db: Database, tmp_path: Path) -> None:
    await settle_home(db, FileBlobs(tmp_path / "media"))
    await settle_home(db, FileBlobs(tmp_path / "media"))
    with pytest.raises(UnavailableError) as refused:
        await settle_home(db, FileBlobs(tmp_path / "other"))
    assert refused.value.code == "storage.missing"
    assert not (tmp_path / "other").exists()


async def test_homes_that_begin_together_have_one_name(tmp_path: Path) -> None:
    names: set[str] = set()
    async with anyio.create_task_group() as group:

        async def begin() -> None:
            names.add(await anyio.to_thread.run_sync(FileBlobs(tmp_path / "media").settle))

        for _ in range(8):
            group.start_soon(begin)
    assert names == {FileBlobs(tmp_path / "media").marker()}


KEEP = """
import asyncio, sys
from pathlib import Path
from birdwatch.storage.blobs.files import FileBlobs

async def chunks():
    yield bytes(1000)

async def main():
    blobs = FileBlobs(Path(sys.argv[1]))
    await blobs.keep(await blobs.receive(chunks(), 10_000))

asyncio.run(main())
"""
CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (\d+)", re.MULTILINE)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
async def test_bytes_and_folders_are_synced_before_and_after_they_get_their_name(
    tmp_path: Path,
) -> None:
    FileBlobs(tmp_path / "media").check_home()
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-y", "-o", str(trace), "-e", "trace=fsync,link,linkat,chmod,unlink",
         sys.executable, "-c", KEEP, str(tmp_path / "media")],
        cwd=ROOT,
        check=True,
        timeout=60,
        capture_output=True,
    )  # fmt: skip
    sha256 = hashlib.sha256(bytes(1000)).hexdigest()
    calls = []
    for name, arguments, _ in CALL.findall(trace.read_text()):
        if "media" in arguments:
            target = re.findall(r"media/([^\">,]*)", arguments)[-1]
            target = re.sub(r"[0-9a-f]{32}\.part", "<part>", target)
            target = target.replace(sha256, "<sha256>")
            target = target.replace(f"/{sha256[:2]}", "/ab", 1)
            target = target.replace(f"/{sha256[2:4]}", "/cd", 1)
            calls.append((name.removesuffix("at"), target))
    assert calls == [
        ("fsync", "incoming/<part>"),
        ("chmod", "incoming/<part>"),
        ("link", "originals/ab/cd/<sha256>"),
        ("fsync", "originals/ab/cd"),
        ("fsync", "originals/ab"),
        ("fsync", "originals"),
    ]

"""What a store of uploads in pieces must do: its rows on every database, its files on the disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from birdwatch.domain.errors import InvalidInputError, MalformedError, UnavailableError
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.quota import Uploads
from birdwatch.domain.upload import Upload
from birdwatch.storage import uploads as rows
from birdwatch.storage.blobs import parts
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.db import Database
from tests.suites import ROOT

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 5, 2, 4, 0, tzinfo=UTC)
ID, OTHER = "0123456789abcdef", "0123456789abcdeg"
DATA = os.urandom(700_000)


def upload(number: int = 0, owner: str = "guoying", **facts: object) -> Upload:
    made = Upload(
        id=f"{number:016d}",
        owner_id=owner,
        state="open",
        kind="whole",
        length=1000,
        metadata=(("filename", "鸟\x00浪.jpg"), ("empty", "")),
        parts=(),
        created_at=NOW + timedelta(seconds=number // 2),
        expires_at=NOW + timedelta(days=7),
    )
    return replace(made, **facts)  # type: ignore[arg-type]


async def put(db: Database, *uploads: Upload) -> None:
    async with db.write(SYSTEM, NOW) as tx:
        for one in uploads:
            await rows.insert_upload(tx, one)


async def test_row_is_read_as_it_was_written(db: Database) -> None:
    final = upload(1, kind="final", length=None, parts=(ID, OTHER))
    await put(db, upload(), final)
    assert await rows.find_upload(db, upload().id) == upload()
    assert await rows.find_upload(db, final.id) == final
    assert await rows.find_upload(db, ID) is None


async def test_what_became_of_it_is_kept(db: Database) -> None:
    await put(db, upload(1), upload(2), upload(3, length=None))
    await rows.mark_done(db, upload(1).id, ID, is_duplicate=True, now=NOW)
    error = InvalidInputError("photo.broken", zh="坏了", en="It is broken")
    await rows.mark_refused(db, upload(2).id, error, NOW)
    await rows.set_length(db, upload(3).id, 7, NOW)
    await rows.set_length(db, upload(3).id, 8, NOW)
    until = NOW + timedelta(days=9)
    await rows.keep_longer(db, upload(3).id, until, NOW)
    assert await rows.find_upload(db, upload(1).id) == upload(
        1, state="done", photo_id=ID, is_duplicate=True
    )
    refused = upload(2, state="refused", error_code="photo.broken", error=error.text)
    assert await rows.find_upload(db, upload(2).id) == refused
    assert await rows.find_upload(db, upload(3).id) == upload(3, length=7, expires_at=until)


async def test_open_ones_of_one_person_come_page_by_page_oldest_first(db: Database) -> None:
    await put(db, *(upload(n) for n in range(7)), upload(8, "xu"), upload(9, state="done"))
    await rows.mark_done(db, upload(0).id, ID, is_duplicate=False, now=NOW)
    found: list[str] = []
    cursor = None
    while True:
        page = await rows.list_open_uploads(db, "guoying", limit=2, cursor=cursor)
        found += [one.id for one in page.items]
        if (cursor := page.next) is None:
            break
    assert found == [upload(n).id for n in range(1, 7)]
    with pytest.raises(MalformedError):
        await rows.list_open_uploads(db, "guoying", limit=2, cursor="nonsense")
    assert await rows.under_way(db, "guoying", 50) == Uploads(6, 6000, 0)
    await put(db, upload(10, length=None))
    assert await rows.under_way(db, "guoying", 50) == Uploads(7, 6050, 0)


async def test_expired_ones_are_found_oldest_first(db: Database) -> None:
    await put(db, *(upload(n, expires_at=NOW - timedelta(hours=n)) for n in range(4)), upload(5))
    expired = await rows.expired_uploads(db, NOW, 3)
    assert [one.id for one in expired] == [upload(n).id for n in (3, 2, 1)]
    assert await rows.known_uploads(db, [upload(1).id, ID]) == {upload(1).id}
    assert await rows.known_uploads(db, []) == set()
    assert await rows.own_photos(db, "guoying", []) == {}


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    made = FileBlobs(tmp_path / "media")
    made.check_home()
    return made


def write(blobs: FileBlobs, upload_id: str, *data: bytes) -> None:
    parts.create_part(blobs, upload_id)
    part = parts.open_part(blobs, upload_id)
    assert part is not None
    part.write(data)
    part.sync()
    part.close()


def test_part_grows_and_is_cut_back(blobs: FileBlobs) -> None:
    write(blobs, ID, DATA[:10], b"", *(DATA[n : n + 1] for n in range(10, 2000)), DATA[2000:])
    assert parts.part_size(blobs, ID) == len(DATA)
    assert parts.hash_part(blobs, ID) == hashlib.sha256(DATA).hexdigest()
    part = parts.open_part(blobs, ID)
    assert part is not None
    part.cut_to(500)
    part.write([DATA[500:]])
    assert part.size() == len(DATA)
    part.close()
    assert parts.part_path(blobs, ID).read_bytes() == DATA
    assert parts.part_path(blobs, ID).stat().st_mode & 0o777 == 0o600


def test_piece_nobody_checked_does_not_count_after_a_crash(blobs: FileBlobs) -> None:
    write(blobs, ID, DATA[:500])
    part = parts.open_part(blobs, ID)
    assert part is not None
    part.doubt()
    part.write([DATA[500:1000]])
    assert parts.part_size(blobs, ID) == 500
    part.close()  # as when its process dies
    part = parts.open_part(blobs, ID)
    assert part is not None
    assert part.size() == parts.part_size(blobs, ID) == 500
    part.doubt()
    part.write([DATA[500:]])
    part.trust()
    part.close()
    assert parts.part_path(blobs, ID).read_bytes() == DATA
    part = parts.open_part(blobs, ID)
    assert part is not None
    part.doubt()
    parts.remove_part(blobs, ID)
    part.close()
    assert list((blobs.home / "incoming").iterdir()) == []


HOLD = """
import sys
from pathlib import Path
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.blobs.parts import open_part
part = open_part(FileBlobs(Path(sys.argv[1])), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


def test_part_has_one_writer_of_all_processes_until_it_dies(blobs: FileBlobs) -> None:
    write(blobs, ID, b"x")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(blobs.home), ID],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert parts.open_part(blobs, ID) is None
        holder.kill()
        holder.wait()
        part = parts.open_part(blobs, ID)
        assert part is not None
        assert parts.open_part(blobs, ID) is None
        part.close()


def test_offered_bytes_keep_their_first_name(blobs: FileBlobs) -> None:
    write(blobs, ID, DATA)
    incoming = parts.offer_part(blobs, ID, "0" * 64)
    assert (incoming.sha256, incoming.size) == ("0" * 64, len(DATA))
    incoming.path.chmod(0o444)  # as an original
    part = parts.open_part(blobs, ID)
    assert part is not None
    part.close()
    incoming.path.unlink()
    assert parts.part_path(blobs, ID).read_bytes() == DATA


def test_parts_are_joined_in_their_order_or_not_at_all(blobs: FileBlobs) -> None:
    write(blobs, ID, DATA[:300_000])
    write(blobs, OTHER, DATA[300_000:])
    joined = "z" * 16
    parts.join_parts(blobs, [ID, OTHER], joined)
    assert parts.part_path(blobs, joined).read_bytes() == DATA
    with pytest.raises(UnavailableError):
        parts.join_parts(blobs, [ID, "y" * 16], "x" * 16)
    assert parts.part_size(blobs, "x" * 16) is None
    for one in (ID, OTHER, ID):
        parts.remove_part(blobs, one)
    assert parts.part_size(blobs, ID) is None


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a/b", "A" * 16, "0123456789abcdef\n"])
def test_names_that_are_no_ids_reach_no_file(blobs: FileBlobs, name: str) -> None:
    reach: list[Callable[[FileBlobs, str], object]] = [
        parts.create_part, parts.open_part, parts.part_size, parts.hash_part, parts.remove_part,
    ]  # fmt: skip
    for function in reach:
        with pytest.raises(ValueError, match="not an identifier"):
            function(blobs, name)


def test_stray_parts_are_those_nobody_wrote_to_for_long(blobs: FileBlobs) -> None:
    write(blobs, ID, b"x")
    write(blobs, OTHER, b"x")
    os.utime(parts.part_path(blobs, ID), (1000, 1000))
    assert parts.stray_parts(blobs, 2000) == [ID]


def test_home_that_is_gone_takes_no_parts(blobs: FileBlobs) -> None:
    write(blobs, ID, b"x")
    away = blobs.home.rename(blobs.home.with_name("unmounted"))
    reach: list[Callable[[FileBlobs, str], object]] = [parts.create_part, parts.open_part]
    for function in reach:
        with pytest.raises(UnavailableError):
            function(blobs, ID)
    away.rename(blobs.home)
    assert parts.part_size(blobs, ID) == 1

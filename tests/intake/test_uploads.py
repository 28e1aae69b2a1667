"""What goes wrong with uploads: cut lines, wrong words, two writers, nobody who ends it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import (
    BirdwatchError,
    ChecksumError,
    ConflictError,
    GoneError,
    InvalidInputError,
    LockedError,
    NotFoundError,
    TooLargeError,
    TooManyError,
    UnavailableError,
    UnsupportedMediaError,
)
from birdwatch.domain.policy import Actor
from birdwatch.domain.upload import Checksum, Upload
from birdwatch.intake import upload_turns
from birdwatch.intake.archive import Archive
from birdwatch.intake.upload_beginning import Announced, begin_upload
from birdwatch.intake.uploads import Progress, Sent, append, clear_expired, find_own, forget, look
from birdwatch.storage.blobs.parts import open_part, part_path
from birdwatch.storage.photos import find_photo_by_sha256
from tests.intake.archives import NOW, chunks_of, files, opened, person
from tests.pictures import make_jpeg

pytestmark = pytest.mark.anyio
PHOTO = make_jpeg(600, 400)
SHA256 = hashlib.sha256(PHOTO).hexdigest()
CUTS = int(os.environ.get("BIRDWATCH_TEST_CUTS", "200"))
ORIGINAL = f"originals/{SHA256[:2]}/{SHA256[2:4]}/{SHA256}"


class CutError(Exception):
    """The line is gone."""


async def cut_after(data: bytes, size: int) -> AsyncIterator[bytes]:
    """So many bytes, and then no line."""
    for start in range(0, size, 4096):
        yield data[start : min(start + 4096, size)]
    raise CutError


@pytest.fixture
async def actor(archive: Archive) -> Actor:
    return await person(archive, "guoying")


async def begin(archive: Archive, actor: Actor, length: int | None, **words: str) -> Upload:
    announced = Announced(length, tuple(words.items()))
    return await begin_upload(archive, announced, actor=actor, now=NOW)


async def send(
    archive: Archive, actor: Actor, upload: Upload, data: bytes, offset: int = 0
) -> Progress:
    sent = Sent(offset, len(data))
    return await append(archive, upload, chunks_of(data), sent, actor=actor, now=NOW)


async def offset_of(archive: Archive, actor: Actor, upload: Upload) -> int:
    return (await look(archive, upload, actor=actor, now=NOW)).offset


async def photo_of(archive: Archive, progress: Progress) -> str:
    """The hash of the photo that an upload became; its original is checked to be that."""
    photo = await find_photo_by_sha256(archive.db, SHA256)
    assert photo is not None
    assert progress.upload.photo_id == photo.id
    return hashlib.sha256(archive.blobs.original_path(photo.sha256).read_bytes()).hexdigest()


async def test_upload_cut_at_random_offsets_is_whole_in_the_end(
    archive: Archive, actor: Actor, home: Path
) -> None:
    """Every cut keeps all that came before it, and nothing of it is sent twice."""
    chance = random.Random(4)
    data = make_jpeg(1600, 1200, seed=9)
    upload = await begin(archive, actor, len(data))
    places = sorted(chance.sample(range(len(data)), min(CUTS, len(data))))
    for place in places:
        offset = await offset_of(archive, actor, upload)
        with pytest.raises(CutError):
            await append(
                archive,
                upload,
                cut_after(data[offset:], place - offset),
                Sent(offset, len(data) - offset),
                actor=actor,
                now=NOW,
            )
        assert await offset_of(archive, actor, upload) == place
        if chance.random() < 0.1:  # another process goes on: it knows no hash of what came before
            archive.turns.keep_hash(upload.id, -1, hashlib.sha256())
    offset = await offset_of(archive, actor, upload)
    done = await send(archive, actor, upload, data[offset:], offset)
    sha256 = hashlib.sha256(data).hexdigest()
    photo = await find_photo_by_sha256(archive.db, sha256)
    assert photo is not None
    assert done.upload.photo_id == photo.id
    assert archive.blobs.original_path(sha256).read_bytes() == data
    assert files(home) == [f"originals/{sha256[:2]}/{sha256[2:4]}/{sha256}"]


@pytest.mark.parametrize("given", [0, 99, 101, len(PHOTO), len(PHOTO) + 1])
async def test_wrong_offset_is_refused_and_changes_nothing(
    archive: Archive, actor: Actor, given: int
) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    await send(archive, actor, upload, PHOTO[:100])
    with pytest.raises(ConflictError) as refused:
        await send(archive, actor, upload, PHOTO[100:200], given)
    assert refused.value.code == "upload.offset"
    assert await offset_of(archive, actor, upload) == 100


async def test_wrong_checksum_drops_the_piece_whole(archive: Archive, actor: Actor) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    await send(archive, actor, upload, PHOTO[:100])
    right = Checksum("sha256", hashlib.sha256(PHOTO[100:]).digest())
    for data, error in ((PHOTO[100:-1] + b"!", ChecksumError), (PHOTO[100:], CutError)):
        whole = cut_after(data, 5000) if error is CutError else chunks_of(data)
        with pytest.raises(error):
            await append(archive, upload, whole, Sent(100, None, None, right), actor=actor, now=NOW)
        assert await offset_of(archive, actor, upload) == 100
    done = await append(
        archive, upload, chunks_of(PHOTO[100:]), Sent(100, None, None, right), actor=actor, now=NOW
    )
    assert await photo_of(archive, done) == SHA256


async def test_successor_of_a_silent_writer_goes_on(
    archive: Archive, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A phone that changed its line does not wait for the old one to be noticed as gone."""
    monkeypatch.setattr(upload_turns, "SILENT_S", 0.1)
    upload = await begin(archive, actor, len(PHOTO))
    has_begun = anyio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield PHOTO[:5000]
        has_begun.set()
        await anyio.sleep_forever()

    async def old_line() -> None:
        with pytest.raises(LockedError) as cut:
            await append(archive, upload, silent(), Sent(0), actor=actor, now=NOW)
        assert cut.value.code == "upload.cut"

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(old_line)
        await has_begun.wait()
        assert await offset_of(archive, actor, upload) == 5000
    done = await send(archive, actor, upload, PHOTO[5000:], 5000)
    assert await photo_of(archive, done) == SHA256


async def test_two_writers_never_mix_their_bytes(
    archive: Archive, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is second waits or starts where the first ended; the file is right in any case."""
    monkeypatch.setattr(upload_turns, "SILENT_S", 0.02)
    monkeypatch.setattr(upload_turns, "WAIT_S", 0.2)
    upload = await begin(archive, actor, len(PHOTO))
    refusals: list[str] = []

    async def slow(data: bytes, seed: int) -> AsyncIterator[bytes]:
        chance = random.Random(seed)
        for start in range(0, len(data), 2000):
            yield data[start : start + 2000]
            await anyio.sleep(chance.random() * 0.04)

    async def writer(seed: int) -> None:
        while (await find_own(archive, upload.id, actor)).state == "open":
            try:
                offset = await offset_of(archive, actor, upload)
                await append(
                    archive,
                    upload,
                    slow(PHOTO[offset:], seed),
                    Sent(offset),
                    actor=actor,
                    now=NOW,
                )
            except (LockedError, ConflictError) as error:
                refusals.append(error.code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer, 1)
        tasks.start_soon(writer, 2)
    assert refusals
    done = await look(archive, upload, actor=actor, now=NOW)
    assert await photo_of(archive, done) == SHA256


async def test_writer_of_another_process_is_let_be(
    archive: Archive, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_turns, "WAIT_S", 0.1)
    upload = await begin(archive, actor, len(PHOTO))
    elsewhere = open_part(archive.blobs, upload.id)
    assert elsewhere is not None
    with pytest.raises(LockedError):
        await send(archive, actor, upload, PHOTO)
    elsewhere.close()
    assert await photo_of(archive, await send(archive, actor, upload, PHOTO)) == SHA256


async def test_upload_nobody_finishes_is_cleared_and_no_other(
    archive: Archive, actor: Actor, home: Path
) -> None:
    old = await begin(archive, actor, len(PHOTO))
    await send(archive, actor, old, PHOTO[:100])
    done = await send(archive, actor, await begin(archive, actor, len(PHOTO)), PHOTO)
    later = NOW + timedelta(days=archive.settings.upload_days)
    new = await begin_upload(archive, Announced(500), actor=actor, now=later)
    for age_s in (0, 3 * 24 * 3600):
        stray = part_path(archive.blobs, f"{age_s:016d}")
        stray.touch()
        os.utime(stray, (later.timestamp() - age_s,) * 2)
    assert await clear_expired(archive, later) == 3
    assert await clear_expired(archive, later) == 0
    assert files(home) == sorted(
        [f"incoming/{new.id}.upload", f"incoming/{0:016d}.upload", ORIGINAL]
    )
    for ended in (old, done.upload):
        with pytest.raises(NotFoundError):
            await find_own(archive, ended.id, actor)


async def test_who_goes_on_has_time_again(archive: Archive, actor: Actor) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    much_later = NOW + timedelta(days=archive.settings.upload_days - 1)
    sent = Sent(0, 100)
    progress = await append(
        archive, upload, chunks_of(PHOTO[:100]), sent, actor=actor, now=much_later
    )
    assert progress.upload.expires_at > much_later + timedelta(days=1)
    assert (await find_own(archive, upload.id, actor)).expires_at == progress.upload.expires_at


async def test_file_that_changed_meanwhile_is_refused(
    archive: Archive, actor: Actor, home: Path
) -> None:
    upload = await begin(archive, actor, len(PHOTO), sha256=SHA256)
    await send(archive, actor, upload, PHOTO[:3000])
    changed = PHOTO[3000:-10] + b"0123456789"
    with pytest.raises(InvalidInputError) as refused:
        await send(archive, actor, upload, changed, 3000)
    assert refused.value.code == "upload.changed"
    assert files(home) == []
    with pytest.raises(GoneError) as gone:
        await look(archive, await find_own(archive, upload.id, actor), actor=actor, now=NOW)
    assert gone.value.code == "upload.changed"


async def test_file_that_grew_is_refused_and_one_that_shrank_stays_open(
    archive: Archive, actor: Actor
) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    await send(archive, actor, upload, PHOTO[:100])
    for size in (len(PHOTO) - 99, None):
        with pytest.raises(TooLargeError):
            await append(
                archive,
                upload,
                chunks_of(PHOTO[100:] + b"!"),
                Sent(100, size),
                actor=actor,
                now=NOW,
            )
        assert await offset_of(archive, actor, upload) == 100
    await send(archive, actor, upload, PHOTO[100:-1], 100)
    assert await offset_of(archive, actor, upload) == len(PHOTO) - 1
    assert (await find_own(archive, upload.id, actor)).state == "open"


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"just some words", UnsupportedMediaError), (PHOTO[:4000], InvalidInputError)],
    ids=["text", "truncated"],
)
async def test_file_that_is_no_picture_ends_the_upload_with_the_reason(
    archive: Archive, actor: Actor, home: Path, data: bytes, error: type[BirdwatchError]
) -> None:
    upload = await begin(archive, actor, len(data))
    with pytest.raises(error) as refused:
        await send(archive, actor, upload, data)
    ended = await find_own(archive, upload.id, actor)
    assert (ended.state, ended.error_code) == ("refused", refused.value.code)
    assert ended.error
    assert files(home) == []
    with pytest.raises(GoneError):
        await send(archive, actor, ended, b"", len(data))


async def test_wrong_words_and_sizes_are_refused_before_any_byte(
    archive: Archive, actor: Actor, home: Path
) -> None:
    with pytest.raises(InvalidInputError):
        await begin(archive, actor, len(PHOTO), species="大滨鸟")
    with pytest.raises(InvalidInputError):
        await begin(archive, actor, 0)
    with pytest.raises(TooLargeError):
        await begin(archive, actor, archive.settings.max_photo_bytes + 1)
    assert files(home) == []


async def test_room_is_looked_for_before_any_byte(home: Path, database_url: str) -> None:
    async with opened(home, database_url) as archive:
        actor = await person(archive, "guoying")
        archive.blobs.reserve_bytes = 1
        free = os.statvfs(home)
        archive.blobs.reserve_bytes = free.f_bavail * free.f_frsize - 50_000_000
        with pytest.raises(UnavailableError) as refused:
            await begin(archive, actor, 80_000_000)
        assert refused.value.code == "storage.full"
        assert files(home) == []


async def test_quota_counts_what_is_under_way(home: Path, database_url: str) -> None:
    limits = {"quota_files": 3, "quota_bytes": 10_000}
    async with opened(home, database_url, **limits) as archive:
        actor = await person(archive, "guoying")
        first = await begin(archive, actor, 4000)
        await begin(archive, actor, 4000)
        with pytest.raises(TooManyError):
            await begin(archive, actor, 4000)
        await begin(archive, actor, 1000)
        with pytest.raises(TooManyError):
            await begin(archive, actor, 10)
        await forget(archive, first, NOW)
        await begin(archive, actor, 4000)
        assert len(files(home)) == 3


async def test_uploads_begun_at_once_share_one_quota(home: Path, database_url: str) -> None:
    async with opened(home, database_url, quota_files=3) as archive:
        actor = await person(archive, "guoying")

        async def one() -> bool:
            try:
                await begin(archive, actor, 100)
            except TooManyError:
                return False
            return True

        begun = await asyncio.gather(*(one() for _ in range(8)))
        assert sum(begun) == 3
        assert len(files(home)) == 3


async def test_whole_upload_that_could_not_be_taken_in_is_taken_in_when_asked_for(
    archive: Archive, actor: Actor, home: Path
) -> None:
    """Nobody hears of a whole upload before its photo is there, and no byte is sent twice."""
    upload = await begin(archive, actor, len(PHOTO))
    full = replace(archive, settings=replace(archive.settings, quota_files=1, quota_bytes=1))
    with pytest.raises(TooManyError):
        await append(full, upload, chunks_of(PHOTO), Sent(0), actor=actor, now=NOW)
    with pytest.raises(TooManyError):
        await look(full, upload, actor=actor, now=NOW)
    assert files(home) == [f"incoming/{upload.id}.upload"]
    done = await look(archive, upload, actor=actor, now=NOW)
    assert await photo_of(archive, done) == SHA256
    assert files(home) == [ORIGINAL]


async def test_crash_between_photo_and_upload_makes_no_second_photo(
    archive: Archive, actor: Actor, home: Path
) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    done = await send(archive, actor, upload, PHOTO)
    async with archive.db.write(actor, NOW) as tx:  # as the crash left it: open, its file there
        await tx.run("UPDATE upload SET state = 'open', photo_id = NULL WHERE id = $1", upload.id)
    os.link(archive.blobs.original_path(SHA256), part_path(archive.blobs, upload.id))
    again = await look(archive, upload, actor=actor, now=NOW)
    assert again.upload.photo_id == done.upload.photo_id
    assert again.upload.is_duplicate
    assert files(home) == [ORIGINAL]
    assert archive.blobs.original_path(SHA256).read_bytes() == PHOTO


async def test_lost_file_is_said_and_may_be_forgotten(archive: Archive, actor: Actor) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    part_path(archive.blobs, upload.id).unlink()
    with pytest.raises(GoneError):
        await send(archive, actor, upload, PHOTO)
    with pytest.raises(GoneError):
        await look(archive, upload, actor=actor, now=NOW)
    await forget(archive, upload, NOW)
    with pytest.raises(NotFoundError):
        await find_own(archive, upload.id, actor)


async def test_ending_an_upload_stops_its_writer(archive: Archive, actor: Actor) -> None:
    upload = await begin(archive, actor, len(PHOTO))
    has_begun = anyio.Event()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            has_begun.set()
            await anyio.sleep(0.005)

    async def writing() -> None:
        with pytest.raises(LockedError):
            await append(archive, upload, endless(), Sent(0), actor=actor, now=NOW)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writing)
        await has_begun.wait()
        await forget(archive, upload, NOW)
    with pytest.raises(NotFoundError):
        await find_own(archive, upload.id, actor)


async def test_silent_sender_is_given_up(
    archive: Archive, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_turns, "IDLE_S", 0.05)
    upload = await begin(archive, actor, len(PHOTO))

    async def silent() -> AsyncIterator[bytes]:
        yield PHOTO[:5000]
        await anyio.sleep_forever()

    with pytest.raises(LockedError):
        await append(archive, upload, silent(), Sent(0), actor=actor, now=NOW)
    assert await offset_of(archive, actor, upload) == 5000


async def test_cancelled_request_keeps_what_came(archive: Archive, actor: Actor) -> None:
    """As when the server is told to stop."""
    upload = await begin(archive, actor, len(PHOTO))
    has_begun = anyio.Event()

    async def silent() -> AsyncIterator[bytes]:
        yield PHOTO[:5000]
        has_begun.set()
        await anyio.sleep_forever()

    async def request() -> None:
        await append(archive, upload, silent(), Sent(0), actor=actor, now=NOW)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(request)
        await has_begun.wait()
        tasks.cancel_scope.cancel()
    assert await offset_of(archive, actor, upload) == 5000


async def test_disk_that_fills_keeps_what_was_told(
    archive: Archive, actor: Actor, home: Path
) -> None:
    """A write that the disk takes in part only leaves the offset where it was."""
    resource = pytest.importorskip("resource")
    upload = await begin(archive, actor, len(PHOTO))
    await send(archive, actor, upload, PHOTO[:100])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(UnavailableError) as refused:
            await send(archive, actor, upload, PHOTO[100:], 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.code == "storage.full"
    assert part_path(archive.blobs, upload.id).stat().st_size == 100
    assert await photo_of(archive, await send(archive, actor, upload, PHOTO[100:], 100)) == SHA256

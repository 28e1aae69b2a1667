"""Backups taken while the archive is in use, checked, and restored elsewhere."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from birdwatch.domain.errors import BirdwatchError, GoneError
from birdwatch.domain.text import Text
from birdwatch.imaging.sandbox import Sandbox
from birdwatch.intake.archive import Archive
from birdwatch.intake.backup import BackupReport, take_backup
from birdwatch.intake.backup_folder import SNAPSHOTS, snapshots_in
from birdwatch.intake.restore import Checked, check_backup, restore_backup
from birdwatch.intake.upload_beginning import Announced, begin_upload
from birdwatch.intake.uploads import find_own, look
from birdwatch.intake.verification import verify_archive
from birdwatch.settings import Settings
from birdwatch.storage.blobs.pool import FILES, pool_path
from birdwatch.storage.columns import Row
from birdwatch.storage.surveys import insert_survey
from birdwatch.worker.loop import drain
from tests.conftest import fresh_database
from tests.intake.archives import NOW, SIDAOGOU, opened, person, send
from tests.pictures import make_jpeg
from tests.storage.makers import sighting, survey, writing

pytestmark = pytest.mark.anyio


def ignore(_what: Text, _done: int, _total: int) -> None:
    """A progress that nobody looks at."""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Settings]:
    """An empty home with an empty database of the same kind."""
    with fresh_database(tmp_path / "elsewhere" / "birdwatch.db") as url:
        yield Settings(home=tmp_path / "elsewhere", database=url)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "backup"


async def fill(archive: Archive, photos: int = 2, first: int = 0) -> None:
    for number in range(first, first + photos):
        await send(archive, make_jpeg(300, 200, seed=number, gps=SIDAOGOU))
    await drain(archive)
    async with writing(archive.db) as tx:
        await insert_survey(tx, survey(sighting(), sighting("calalp", 7)))


async def restored(root: Path, settings: Settings, snapshot: str | None = None) -> Checked:
    checked = await check_backup(root, snapshot, ignore)
    await restore_backup(settings, checked, ignore)
    return checked


async def rows_of(archive: Archive) -> dict[str, list[Row]]:
    """Every row of every table that matters, in order."""
    found = {}
    for table, order in (
        ("ledger", "version"), ("photo", "id"), ("photo_fact", "id, since"),
        ("survey", "id, since"), ("sighting", "id, since"), ("feed", "noun, noun_id"),
        ("daily_count", "day, site, species, tide, audience"), ("species", "code"),
        ("site", "id"), ("archive", "name"), ("migration", "name"),
    ):  # fmt: skip
        found[table] = await archive.db.rows(f"SELECT * FROM {table} ORDER BY {order}")
    return found


def files_in(home: Path) -> dict[str, bytes]:
    return {
        path.relative_to(home).as_posix(): path.read_bytes()
        for folder in ("originals", "renditions", "quarantine")
        for path in (home / folder).rglob("*")
        if path.is_file()
    }


async def test_restored_archive_is_the_archive(
    archive: Archive, home: Path, root: Path, elsewhere: Settings
) -> None:
    await fill(archive)
    (home / "quarantine").mkdir(exist_ok=True)
    (home / "quarantine" / "held").write_bytes(b"odd")
    report = await take_backup(archive, root, ignore, now=NOW)
    assert (report.info.photos, report.info.lost) == (2, ())
    assert report.new_files == report.info.files == 2 + 4 + 1
    await restored(root, elsewhere)
    async with opened(elsewhere.home, elsewhere.database) as other:
        assert await rows_of(other) == await rows_of(archive)
        assert files_in(other.settings.home) == files_in(home)
        report_there = await verify_archive(other, lambda _done: None)
        assert (report_there.found, report_there.photos) == ((), 2)
        originals = [p for p in (elsewhere.home / "originals").rglob("*") if p.is_file()]
        assert {path.stat().st_mode & 0o777 for path in originals} == {0o444}


async def test_upload_under_way_is_ended_in_the_restored_archive(
    archive: Archive, root: Path, elsewhere: Settings
) -> None:
    actor = await person(archive, "lin")
    upload = await begin_upload(archive, Announced(9), actor=actor, now=NOW)
    await take_backup(archive, root, ignore, now=NOW)
    await restored(root, elsewhere)
    async with opened(elsewhere.home, elsewhere.database) as other:
        assert (await verify_archive(other, lambda _done: None)).found == ()
        there = await find_own(other, upload.id, actor)
        with pytest.raises(GoneError, match="anew"):
            await look(other, there, actor=actor, now=NOW)


async def test_backup_takes_only_what_is_new(archive: Archive, root: Path) -> None:
    await fill(archive)
    first = await take_backup(archive, root, ignore, now=NOW)
    again = await take_backup(archive, root, ignore, now=NOW)
    assert (again.new_files, again.info.files) == (0, first.info.files)
    await fill(archive, photos=1, first=7)
    third = await take_backup(archive, root, ignore, now=NOW + timedelta(days=1))
    assert (third.new_files, third.info.photos) == (3, 3)
    assert snapshots_in(root) == ["20260502T040000Z", "20260502T040000Z-2", "20260503T040000Z"]
    for name in snapshots_in(root):
        await check_backup(root, name, ignore)


async def test_earlier_snapshot_is_restored_as_it_was(
    archive: Archive, root: Path, elsewhere: Settings
) -> None:
    await fill(archive)
    before = await rows_of(archive)
    first = await take_backup(archive, root, ignore, now=NOW)
    await fill(archive, photos=1, first=7)
    await take_backup(archive, root, ignore, now=NOW)
    await restored(root, elsewhere, first.snapshot)
    async with opened(elsewhere.home, elsewhere.database) as other:
        assert await rows_of(other) == before
        assert (await verify_archive(other, lambda _done: None)).found == ()


async def test_backup_is_one_moment_while_others_write(
    archive: Archive, root: Path, elsewhere: Settings
) -> None:
    await fill(archive)
    reports: list[BackupReport] = []
    stop = anyio.Event()

    async def write() -> None:
        number = 100
        while not stop.is_set():
            await send(archive, make_jpeg(200, 150, seed=number))
            async with writing(archive.db) as tx:
                await insert_survey(tx, survey(sighting(best=number)))
            number += 1

    async def back_up() -> None:
        reports.extend([await take_backup(archive, root, ignore, now=NOW) for _ in range(3)])
        stop.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        tasks.start_soon(back_up)
    assert [report.info.lost for report in reports] == [(), (), ()]
    await restored(root, elsewhere, reports[1].snapshot)
    async with opened(elsewhere.home, elsewhere.database) as other:
        report = await verify_archive(other, lambda _done: None)
        assert (report.found, report.version) == ((), reports[1].info.version)


async def test_damaged_and_lost_files_are_named_and_good_copies_stay(
    archive: Archive, home: Path, root: Path
) -> None:
    await fill(archive, photos=3)
    originals = sorted(path for path in (home / "originals").rglob("*") if path.is_file())
    good = originals[0].read_bytes()
    originals[1].unlink()
    originals[2].chmod(0o644)
    originals[2].write_bytes(originals[2].read_bytes()[:-1] + b"x")
    report = await take_backup(archive, root, ignore, now=NOW)
    place = [path.relative_to(home).as_posix() for path in originals]
    assert {(lost.path, lost.what) for lost in report.info.lost} == {
        (place[1], "missing"),
        (place[2], "damaged"),
    }
    originals[0].chmod(0o644)
    originals[0].write_bytes(b"")
    again = await take_backup(archive, root, ignore, now=NOW)
    assert {lost.path for lost in again.info.lost} == set(place[1:])
    assert pool_path(root, originals[0].name).read_bytes() == good


async def test_lost_original_comes_back_from_a_backup(
    archive: Archive, home: Path, root: Path
) -> None:
    await fill(archive)
    await take_backup(archive, root, ignore, now=NOW)
    first, second = sorted(path for path in (home / "originals").rglob("*") if path.is_file())
    whole = first.read_bytes()
    first.chmod(0o644)
    first.write_bytes(b"not a picture")
    second.unlink()
    report = await verify_archive(archive, lambda _done: None, mend=True, source=root / FILES)
    assert sorted(one.kind for one in report.found) == ["original_damaged", "original_missing"]
    assert report.is_whole
    assert first.read_bytes() == whole
    aside = [path for path in (home / "set-aside").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in aside] == [b"not a picture"]
    assert (await verify_archive(archive, lambda _done: None)).found == ()


async def refusal(work: object) -> str:
    with pytest.raises(BirdwatchError) as caught:
        await work  # type: ignore[misc]
    assert caught.value.text.zh
    assert caught.value.text.en
    return caught.value.code


@pytest.mark.parametrize("what", ["original", "rows", "manifest", "snapshot"])
async def test_damaged_backup_is_refused_and_nothing_is_restored(
    archive: Archive, root: Path, elsewhere: Settings, what: str
) -> None:
    await fill(archive)
    report = await take_backup(archive, root, ignore, now=NOW)
    folder = root / SNAPSHOTS / report.snapshot
    path = {
        "original": next(p for p in (root / FILES).rglob("*") if p.is_file()),
        "rows": folder / report.info.rows[0].path,
        "manifest": folder / "manifest.jsonl",
        "snapshot": folder / "snapshot.json",
    }[what]
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 64
    path.write_bytes(data[: len(data) // 2 + 1] if what == "snapshot" else data)
    assert await refusal(restored(root, elsewhere)) == "backup.damaged"
    assert not elsewhere.home.exists() or list(elsewhere.home.iterdir()) == []


def forge(root: Path, name: str, **changes: object) -> None:
    """Change the first line of a snapshot's manifest, hashes and all, as who made it could."""
    folder = root / SNAPSHOTS / name
    first, *rest = (folder / "manifest.jsonl").read_bytes().splitlines()
    line = json.dumps({**json.loads(first), **changes}).encode()
    (folder / "manifest.jsonl").write_bytes(b"\n".join([line, *rest]) + b"\n")
    about = json.loads((folder / "snapshot.json").read_bytes())
    data = (folder / "manifest.jsonl").read_bytes()
    about["manifest"] |= {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    (folder / "snapshot.json").write_text(json.dumps(about))


@pytest.mark.parametrize(
    "changes",
    [
        {"path": "../outside"},
        {"path": "originals/../../outside"},
        {"path": "/tmp/outside"},
        {"path": ".restoring"},
        {"path": "originals/a\0b"},
        {"path": ""},
        {"sha256": "../../../../etc/passwd"},
    ],
)
async def test_manifest_that_leaves_its_folder_is_refused(
    archive: Archive, root: Path, elsewhere: Settings, changes: dict[str, object]
) -> None:
    await fill(archive, photos=1)
    report = await take_backup(archive, root, ignore, now=NOW)
    forge(root, report.snapshot, **changes)
    assert await refusal(restored(root, elsewhere)) == "backup.damaged"
    assert not (elsewhere.home / "originals").exists()
    assert not (elsewhere.home.parent / "outside").exists()


@pytest.mark.parametrize("rows", [[], ["../../birdwatch.db"], ['database/0.a"; DROP TABLE b.copy']])
async def test_rows_of_a_name_that_no_backup_gives_are_refused(
    archive: Archive, root: Path, elsewhere: Settings, rows: list[str]
) -> None:
    report = await take_backup(archive, root, ignore, now=NOW)
    path = root / SNAPSHOTS / report.snapshot / "snapshot.json"
    about = json.loads(path.read_bytes())
    about["rows"] = [{**about["rows"][0], "path": name} for name in rows]
    path.write_text(json.dumps(about))
    assert await refusal(restored(root, elsewhere)) == "backup.damaged"


async def test_file_that_cannot_be_read_is_told_in_words(
    archive: Archive, root: Path, elsewhere: Settings
) -> None:
    await fill(archive, photos=1)
    await take_backup(archive, root, ignore, now=NOW)
    checked = await check_backup(root, None, ignore)
    for path in (root / FILES).rglob("*"):
        if path.is_file():
            path.unlink()
    assert await refusal(restore_backup(elsewhere, checked, ignore)) == "backup.unwritable"


async def test_backup_is_for_its_owner_alone(archive: Archive, root: Path) -> None:
    root.mkdir(mode=0o755)  # as an operator may have made it
    await fill(archive, photos=1)
    await take_backup(archive, root, ignore, now=NOW)
    assert {p.stat().st_mode & 0o077 for p in root.iterdir() if p.is_dir()} == {0}


async def test_deep_backup_heals_a_damaged_file_of_the_backup(archive: Archive, root: Path) -> None:
    await fill(archive)
    await take_backup(archive, root, ignore, now=NOW)
    path = next(p for p in (root / FILES).rglob("*") if p.is_file())
    path.chmod(0o600)
    path.write_bytes(bytes(path.stat().st_size))
    report = await take_backup(archive, root, ignore, now=NOW, deep=True)
    assert report.new_files == 1
    await check_backup(root, None, ignore)


async def test_restore_leaves_what_is_there_alone(
    archive: Archive, home: Path, database_url: str, root: Path, elsewhere: Settings
) -> None:
    await fill(archive)
    await take_backup(archive, root, ignore, now=NOW)
    assert await refusal(restored(root, archive.settings)) == "restore.not_empty"
    in_use = replace(elsewhere, database=database_url)
    assert await refusal(restored(root, in_use)) == "restore.not_empty"
    elsewhere.home.mkdir(exist_ok=True)
    (elsewhere.home / "holiday.jpg").write_bytes(b"mine")
    assert await refusal(restored(root, elsewhere)) == "restore.not_empty"
    assert [path.name for path in elsewhere.home.iterdir()] == ["holiday.jpg"]


async def test_interrupted_restore_is_not_taken_for_an_archive_and_is_finished(
    archive: Archive, root: Path, elsewhere: Settings
) -> None:
    await fill(archive)
    await take_backup(archive, root, ignore, now=NOW)
    checked = await check_backup(root, None, ignore)

    def cut(_what: Text, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await restore_backup(elsewhere, checked, cut)
    with pytest.raises(BirdwatchError) as caught:
        async with opened(elsewhere.home, elsewhere.database):
            pass
    assert caught.value.code == "storage.restoring"
    await restore_backup(elsewhere, checked, ignore)
    async with opened(elsewhere.home, elsewhere.database) as other:
        assert await rows_of(other) == await rows_of(archive)


async def test_interrupted_backup_is_no_snapshot_and_is_swept(archive: Archive, root: Path) -> None:
    await fill(archive)

    def cut(what: Text, done: int, total: int) -> None:
        if what.en == "Photos":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await take_backup(archive, root, cut, now=NOW)
    assert snapshots_in(root) == []
    report = await take_backup(archive, root, ignore, now=NOW)
    assert report.new_files == 0
    assert [path.name for path in (root / SNAPSHOTS).iterdir()] == [report.snapshot]


async def test_backup_folder_belongs_to_one_archive(
    archive: Archive, root: Path, elsewhere: Settings, sandbox: Sandbox
) -> None:
    await take_backup(archive, root, ignore, now=NOW)
    async with opened(elsewhere.home, elsewhere.database) as other:
        assert await refusal(take_backup(other, root, ignore)) == "backup.other"
    assert await refusal(take_backup(archive, archive.settings.home / "b", ignore)) == (
        "backup.inside"
    )


async def test_pruning_keeps_what_the_last_snapshots_need(archive: Archive, root: Path) -> None:
    await fill(archive)
    (archive.settings.home / "note.txt").write_text("first")
    await take_backup(archive, root, ignore, now=NOW)
    (archive.settings.home / "note.txt").write_text("second")
    report = await take_backup(archive, root, ignore, now=NOW, keep=1)
    assert (snapshots_in(root), report.pruned) == ([report.snapshot], 1)
    await check_backup(root, None, ignore)
    shutil.rmtree(root)

"""`birdwatch demo`: fill an empty archive with three springs, through the doors everyone uses."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import anyio
import anyio.to_process
import typer
from rich.progress import Progress

from birdwatch.cli.demo_counts import surveys
from birdwatch.cli.demo_pictures import Picture, pictures
from birdwatch.cli.importing import render_all
from birdwatch.cli.people import new_password, put_user
from birdwatch.cli.speech import FAILED, complain, out, progress_bar, say, word
from birdwatch.domain.errors import BirdwatchError
from birdwatch.domain.paging import MAX_LIMIT
from birdwatch.domain.person import Person
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import FULL, SYSTEM, Actor, Reader, Role, Trust
from birdwatch.domain.survey import SurveyFilter
from birdwatch.domain.text import Text
from birdwatch.imaging.scenery import write_picture
from birdwatch.intake.archive import Archive, open_archive
from birdwatch.intake.photo_correction import correct_photo
from birdwatch.intake.photo_intake import PhotoRequest, receive_photo
from birdwatch.intake.survey_intake import receive_survey
from birdwatch.settings import Settings, cores
from birdwatch.storage.grants import add_grant
from birdwatch.storage.people import find_login
from birdwatch.storage.photos import list_photos
from birdwatch.storage.surveys import list_surveys

ACCOUNTS_FILE = "demo-accounts.txt"
UNFINISHED_FILE = "demo-unfinished"
SOURCE = "demo"
SENT_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Account:
    """A person of the demonstration."""

    login: str
    role: Role
    name: Text
    trust: Trust = "trusted"


SENDER = Account("lin", "contributor", Text("林听潮", "Lin Tingchao"))
NEWCOMER = Account("su", "contributor", Text("苏鸣野", "Su Mingye"), "checked")
RESEARCHER = Account("ye", "researcher", Text("叶归洲", "Ye Guizhou"))
ACCOUNTS = (
    SENDER,
    NEWCOMER,
    Account("jiang", "press", Text("江望舒", "Jiang Wangshu")),
    RESEARCHER,
    Account("shen", "reviewer", Text("沈知渔", "Shen Zhiyu")),
    Account("admin", "admin", Text("管理员", "Administrator")),
)
OF_NEWCOMER = 3  # the last pictures are hers: they wait, so that a reviewer finds something
EMBARGO_DAYS = 30  # of the picture before those, so that press finds something
GRANT_DAYS = 365
GRANT_REASON = "示例：环志回收 Example: ring recoveries"


def demo() -> None:
    """Fill an empty archive with pictures and counts of three springs; else change nothing."""
    settings = Settings.from_env()
    settings = replace(settings, render_children=max(settings.decoders, cores()))
    try:
        is_filled = anyio.run(_fill, settings)
    except BirdwatchError as error:
        complain(error)
        raise typer.Exit(FAILED) from None
    if not is_filled:
        say("档案里已有资料，没有添加示例。", "The archive is not empty; no example was added.")
    for line in accounts_of(settings):
        out.print(line, markup=False)


def accounts_of(settings: Settings) -> list[str]:
    """What to tell about the accounts of the demonstration, where there is one."""
    try:
        lines = (settings.home / ACCOUNTS_FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    head = word("示例账号（用户名 密码 角色）：", "Demonstration accounts (login, password, role):")
    return [head, *(f"  {line}" for line in lines)]


async def _fill(settings: Settings) -> bool:
    async with open_archive(settings) as archive:
        with archive.db.activate():
            unfinished = settings.home / UNFINISHED_FILE
            if not unfinished.exists() and not await _is_empty(archive):
                return False
            unfinished.touch()  # an example that was interrupted is taken up again
            with progress_bar() as bar, tempfile.TemporaryDirectory() as folder:
                cast = await make_accounts(archive)
                await _draw_all(bar, Path(folder))
                await _take_all(archive, bar, Path(folder), cast)
                await render_all(archive, bar)
            unfinished.unlink()
            return True


async def _is_empty(archive: Archive) -> bool:
    photos = await list_photos(
        archive.db, PhotoFilter(), reader=Reader(SYSTEM, datetime.now(UTC)), limit=1
    )
    counted = await list_surveys(archive.db, SurveyFilter(), limit=1, lens=FULL)
    return not photos.items and not counted.items


async def make_accounts(archive: Archive) -> dict[str, Actor]:
    """The accounts by login, one for every role; their passwords in a file of the owner's.

    Each sends with the account's own trust: else all would wait for review, or none of it.
    """
    path, now = archive.settings.home / ACCOUNTS_FILE, datetime.now(UTC)
    cast: dict[str, Actor] = {}
    for account in ACCOUNTS:
        found = await find_login(archive.db, account.login)
        person = found[0] if found else await _add(archive, account, path, now)
        cast[account.login] = Actor(person.id, person.role, None, person.shown_name, person.trust)
    return cast


async def _add(archive: Archive, account: Account, path: Path, now: datetime) -> Person:
    password = new_password()
    person = await put_user(
        archive, account.login, account.role, account.name, password, now=now, trust=account.trust
    )
    line = f"{account.login} {password} {account.role}"
    await anyio.to_thread.run_sync(_note, path, f"{line} {account.trust}".removesuffix(" trusted"))
    if account is RESEARCHER:
        async with archive.db.write(SYSTEM, now) as tx:
            await add_grant(tx, person, now + timedelta(days=GRANT_DAYS), GRANT_REASON)
    return person


def _note(path: Path, line: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as file:
        file.write(f"{line}\n")


async def _draw_all(bar: Progress, folder: Path) -> None:
    """Every picture into the folder, on all cores."""
    wanted = pictures()
    task = bar.add_task(word("绘制示例照片", "Drawing pictures"), total=len(wanted))
    limiter = anyio.CapacityLimiter(cores())

    async def draw(picture: Picture) -> None:
        paint = partial(write_picture, picture.scene, picture.shot, folder / picture.name)
        await anyio.to_process.run_sync(paint, limiter=limiter)
        bar.advance(task)

    async with anyio.create_task_group() as tasks:
        for picture in wanted:
            tasks.start_soon(draw, picture)


async def _take_all(archive: Archive, bar: Progress, folder: Path, cast: dict[str, Actor]) -> None:
    """Surveys and photos in the order in which they would have been sent in."""
    known = await _known_surveys(archive)
    counted = [
        (sent, raw)
        for sent, raw in surveys()
        if (raw["site"], datetime.fromisoformat(str(raw["start"]))) not in known
    ]
    sent_in = [(picture.shot.taken + SENT_AFTER, picture) for picture in pictures()]
    task = bar.add_task(
        word("收入调查和照片", "Surveys and photos"), total=len(counted) + len(sent_in)
    )
    sender, waiting = cast[SENDER.login], {one.name for one in pictures()[-OF_NEWCOMER:]}
    embargoed = pictures()[-OF_NEWCOMER - 1]
    events: list[tuple[datetime, Picture | dict[str, object]]] = [*counted, *sent_in]
    for now, item in sorted(events, key=lambda event: event[0]):
        if isinstance(item, Picture):
            actor = cast[NEWCOMER.login] if item.name in waiting else sender
            photo = await _take_photo(archive, folder, item, actor, now)
            if item == embargoed:
                await _embargo(archive, photo, actor)
        else:
            await receive_survey(archive, item, source=SOURCE, actor=sender, now=now)
        bar.advance(task)


async def _known_surveys(archive: Archive) -> set[tuple[str, datetime]]:
    known: set[tuple[str, datetime]] = set()
    cursor = None
    while True:
        page = await list_surveys(
            archive.db, SurveyFilter(), limit=MAX_LIMIT, cursor=cursor, lens=FULL
        )
        known |= {(survey.site, survey.start) for survey in page.items}
        cursor = page.next
        if cursor is None:
            return known


async def _take_photo(
    archive: Archive, folder: Path, picture: Picture, actor: Actor, now: datetime
) -> Photo:
    request = PhotoRequest(
        file_name=picture.name,
        caption=picture.caption,
        credit=picture.credit,
        license=picture.license,
        species=picture.species,
        best=picture.number,
    )
    content = _bytes(folder / picture.name)
    return (await receive_photo(archive, content, request, actor=actor, now=now)).photo


async def _embargo(archive: Archive, photo: Photo, actor: Actor) -> None:
    now = datetime.now(UTC)
    until = (now + timedelta(days=EMBARGO_DAYS)).isoformat(timespec="minutes")
    await correct_photo(archive, photo.id, {"embargo_until": until}, actor=actor, now=now)


async def _bytes(path: Path) -> AsyncIterator[bytes]:
    yield await anyio.Path(path).read_bytes()

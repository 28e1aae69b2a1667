"""Uploads and files in quarantine as rows: what cannot be read, or speaks of what is not there."""

from __future__ import annotations

from typing import Final, get_args

from birdwatch.domain.ids import SHA256, is_id
from birdwatch.domain.text import Text
from birdwatch.domain.upload import MAX_LENGTH, Kind, State
from birdwatch.storage.columns import Row
from birdwatch.storage.flaws import (
    MEND,
    Aside,
    Flaw,
    Mend,
    UnreadableError,
    assigning,
    parsed,
    setting_aside,
)
from birdwatch.storage.transactions import Source, Write

LOST: Final = Text(
    zh="这次上传的内容在服务器上丢失了。请重新上传这个文件。",
    en="What had come of this upload was lost on the server. Upload the file anew.",
)
UPLOADS = """
    SELECT u.*, p.sha256, o.id AS person FROM upload u LEFT JOIN photo p ON p.id = u.photo_id
    LEFT JOIN person o ON o.id = u.owner_id ORDER BY u.id"""
EXTRA = ("sha256", "person")  # of that query, beside the row itself
QUARANTINED = """
    SELECT q.*, p.sha256 AS of_photo, p.size_bytes AS size_of_photo, o.id AS person FROM quarantine q
    LEFT JOIN photo p ON p.id = q.photo_id LEFT JOIN person o ON o.id = q.owner_id ORDER BY q.id"""
SIDE = ("of_photo", "size_of_photo", "person")


async def wrong_uploads(db: Source) -> list[Flaw]:
    """Uploads that cannot be read, and those that became a photo which is not there."""
    flaws = []
    for row in await db.rows(UPLOADS):
        own = {name: value for name, value in row.items() if name not in EXTRA}
        try:
            announced = _announced(row)
        except UnreadableError:
            flaws.append(_unreadable(row["id"], setting_aside("upload", own)))
            continue
        if row["state"] == "done" and row["sha256"] is None:
            flaws.append(_photoless(row["id"], refusing(row["id"])))
        elif row["state"] == "done" and announced not in ("", row["sha256"]):
            found = await db.rows("SELECT id FROM photo WHERE sha256 = $1", announced)
            photo_id = found[0]["id"] if found else None
            mend = (
                assigning("upload", "id", row["id"], photo_id=photo_id)
                if photo_id
                else refusing(row["id"])
            )
            flaws.append(_photoless(row["id"], mend))
    return flaws


def _announced(row: Row) -> str:
    """The hash its sender announced, or nothing. Raises UnreadableError for what cannot be."""
    said = parsed(row["metadata"], list)
    pieces = parsed(row["parts"], list)
    is_known = row["state"] in get_args(State) and row["kind"] in get_args(Kind)
    is_length = row["length"] is None or 0 < row["length"] <= MAX_LENGTH
    is_taken_in = row["photo_id"] is not None
    is_said = all(isinstance(one, list) and list(map(type, one)) == [str, str] for one in said)
    if not (
        is_known
        and is_length
        and is_said
        and is_id(row["id"])
        and row["person"] is not None
        and all(isinstance(one, str) for one in pieces)
        and is_taken_in == (row["state"] == "done")
        and bool(row["error_code"]) == (row["state"] == "refused")
        and row["created_at"] <= row["expires_at"]
    ):
        raise UnreadableError
    return str(dict(said).get("sha256", ""))


async def open_uploads(db: Source) -> list[tuple[str, int | None]]:
    """Ids and lengths of what was begun and is not finished."""
    rows = await db.rows("SELECT id, length FROM upload WHERE state = 'open' ORDER BY id")
    return [(row["id"], row["length"]) for row in rows]


def refusing(upload_id: str) -> Mend:
    """Its sender is told to send the file anew."""
    return assigning(
        "upload",
        "id",
        upload_id,
        state="refused",
        photo_id=None,
        error_code="upload.lost",
        error_zh=LOST.zh,
        error_en=LOST.en,
    )


def _unreadable(upload_id: str, mend: Mend) -> Flaw:
    text = Text(
        f"上传 {upload_id} 的登记读不懂或不可能。用 --repair 移到 set-aside；发送者需重新上传。",
        f"What is kept of the upload {upload_id} cannot be read, or cannot be. --repair moves it to"
        " set-aside; its sender has to send the file anew.",
    )
    return Flaw("upload", upload_id, text, mend)


def _photoless(upload_id: str, mend: Mend) -> Flaw:
    text = Text(
        f"上传 {upload_id} 写着已成为照片，但没有那张照片。用 --repair 告诉发送者重新上传。",
        f"The upload {upload_id} is said to have become a photo, and there is no such photo."
        " --repair tells its sender to send the file anew.",
    )
    return Flaw("upload", upload_id, text, mend)


async def wrong_quarantined(db: Source) -> list[Flaw]:
    """Rows of the quarantine that cannot be read, or speak of a photo which is not there."""
    flaws = []
    for row in await db.rows(QUARANTINED):
        own = {name: value for name, value in row.items() if name not in SIDE}
        right = _right(row)
        if right == {}:
            continue
        text = Text(
            f"隔离记录 {row['id']} 读不懂，或指向不存在的照片或人。{MEND.zh}原行留在 set-aside。",
            f"The row {row['id']} of the quarantine cannot be read, or speaks of a photo or a"
            f" person not there. {MEND.en} A copy of the row is kept in set-aside.",
        )
        mend = setting_aside("quarantine", own) if right is None else _righting(own, right)
        flaws.append(Flaw("quarantine", row["id"], text, mend))
    return flaws


def _right(row: Row) -> dict[str, object] | None:
    """What the row should hold where it is wrong, so that it can be tried again; None: nothing."""
    is_nowhere = row["photo_id"] and row["of_photo"] != row["sha256"]
    if is_nowhere or not SHA256.fullmatch(row["sha256"]):
        return None
    right: dict[str, object] = {}
    try:
        if not row["photo_id"]:
            parsed(row["words"], dict)
    except UnreadableError:
        right["words"] = "{}"  # tried again as a file of which nothing was said
    if row["size_bytes"] <= 0 and row["photo_id"]:
        right["size_bytes"] = row["size_of_photo"]
    if row["deaths"] <= 0:
        right["deaths"] = 1
    if row["first_at"] > row["last_at"]:
        right["first_at"] = row["last_at"]
    if row["owner_id"] and row["person"] is None:
        right["owner_id"] = ""  # the archive's own: administrators decide
    return right


def _righting(row: Row, right: dict[str, object]) -> Mend:
    async def mend(tx: Write, aside: Aside) -> None:
        twins = await tx.rows(
            "SELECT id FROM quarantine WHERE sha256 = $1 AND owner_id = $2 AND photo_id = $3"
            " AND id <> $4",
            row["sha256"],
            right.get("owner_id", row["owner_id"]),
            row["photo_id"],
            row["id"],
        )
        if twins:
            await setting_aside("quarantine", row)(tx, aside)
            return
        await aside("quarantine", row)
        await assigning("quarantine", "id", row["id"], **right)(tx, aside)

    return mend

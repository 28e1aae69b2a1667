"""What a verification asks of the rows: photos with their files, and the work that waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from birdwatch.domain.photo import PhotoState, Rendition
from birdwatch.storage.blobs.files import FileBlobs
from birdwatch.storage.blobs.inspection import Expected
from birdwatch.storage.columns import Row, from_json
from birdwatch.storage.sql import marks
from birdwatch.storage.transactions import Source

ORIGINAL = "original"
HAS_JOB = "SELECT 1 AS found FROM job WHERE subject_id = $1 AND kind LIKE 'render%'"
COLUMNS = "id, sha256, size_bytes, state, renditions"


@dataclass(frozen=True, slots=True)
class KeptPhoto:
    """A photo as far as its files go, withdrawn or not."""

    id: str
    sha256: str
    size_bytes: int
    state: PhotoState
    renditions: tuple[Rendition, ...]

    def files(self, blobs: FileBlobs) -> list[Expected]:
        """The files that there should be: the original first."""
        path = blobs.original_path(self.sha256)
        return [Expected(ORIGINAL, path, self.size_bytes, self.sha256)] + [
            Expected(one.key, self.path_of(one, blobs), one.size_bytes, one.sha256)
            for one in self.renditions
        ]

    def path_of(self, one: Rendition, blobs: FileBlobs) -> Path:
        return blobs.rendition_path(self.id, one.key, one.format)


async def kept_photos(db: Source, *, after: str, limit: int) -> list[KeptPhoto]:
    """Photos in order of their ids."""
    rows = await db.rows(
        f"SELECT {COLUMNS} FROM photo WHERE id > $1 ORDER BY id LIMIT $2", after, limit
    )
    return [kept_of(row) for row in rows]


async def kept_photo(db: Source, photo_id: str) -> KeptPhoto | None:
    """One of them, or None."""
    rows = await db.rows(f"SELECT {COLUMNS} FROM photo WHERE id = $1", photo_id)
    return kept_of(rows[0]) if rows else None


async def count_photos(db: Source) -> int:
    """How many photos the archive holds, withdrawn ones too."""
    return int((await db.rows("SELECT COUNT(*) AS photos FROM photo"))[0]["photos"])


async def held_of(db: Source, hashes: Sequence[str]) -> set[str]:
    """Those of these hashes that a photo has."""
    if not hashes:
        return set()
    rows = await db.rows(
        f"SELECT sha256 FROM photo WHERE sha256 IN ({marks(len(hashes))})", *hashes
    )
    return {row["sha256"] for row in rows}


async def held_apart(db: Source) -> dict[str, int]:
    """What never got in and is in quarantine: sizes by hash."""
    rows = await db.rows("SELECT sha256, size_bytes FROM quarantine WHERE photo_id = ''")
    return {row["sha256"]: row["size_bytes"] for row in rows}


async def has_job(db: Source, photo_id: str) -> bool:
    """Whether pictures of this photo are still to be made, or making them was given up."""
    return bool(await db.rows(HAS_JOB, photo_id))


def kept_of(row: Row) -> KeptPhoto:
    """The photo in a row of COLUMNS."""
    renditions = tuple(Rendition(**entry) for entry in from_json(row["renditions"]))
    return KeptPhoto(row["id"], row["sha256"], row["size_bytes"], row["state"], renditions)

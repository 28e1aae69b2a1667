"""What a verification finds, and what it carries along while it looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.storage.flaws import FlawKind

FileKind = Literal[
    "database", "chain", "record", "counts",
    "original_missing", "original_damaged", "original_extra",
    "rendition_missing", "rendition_damaged", "rendition_extra",
    "unfinished",
]  # fmt: skip
Kind = FileKind | FlawKind
SETTLED_AFTER_S = (
    24 * 3600
)  # a file nobody claims is left alone so long: somebody may be sending it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong. `subject`: the photo, survey, path, version, or site and day."""

    kind: Kind
    subject: str
    text: Text
    is_mended: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How many photos were read, how far the ledger's chain holds, and what is wrong.

    `leftovers` are no faults: whole files that an interrupted upload left, which no row names.
    """

    photos: int
    found: tuple[Finding, ...]
    leftovers: tuple[Finding, ...] = ()
    version: int = 0
    head: str = ""  # the last hash of the chain; noted elsewhere, it vouches for all before it

    @property
    def findings(self) -> tuple[Text, ...]:
        """What is wrong, in words."""
        return tuple(finding.text for finding in self.found)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong, or nothing any more."""
        return all(finding.is_mended for finding in self.found)


@dataclass(slots=True)
class Inspection:
    """A verification under way; each check adds what it finds.

    `source` is a backup's folder of files, from which lost originals may be taken.
    """

    archive: Archive
    now: datetime
    is_deep: bool
    is_mending: bool
    progress: Callable[[int], None]
    source: Path | None = None
    settled_after_s: float = SETTLED_AFTER_S
    photos: int = 0
    version: int = 0
    head: str = ""
    found: list[Finding] = field(default_factory=list)
    leftovers: list[Finding] = field(default_factory=list)

    is_over: bool = False  # nothing further can be looked at

    def report(self) -> Report:
        return Report(
            self.photos, tuple(self.found), tuple(self.leftovers), self.version, self.head
        )

    def tell(self, kind: Kind, subject: str, text: Text, *, is_mended: bool = False) -> None:
        self.found.append(Finding(kind, subject, text, is_mended))

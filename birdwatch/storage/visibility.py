"""The policy's lens as conditions that a query can hold: told once, for photos, surveys and feed.

A row of the tables asked here has `is_public` and `is_embargoed`, derived at every write. Drafts are
in no list: their owner's workbench reads them by itself (storage/drafts.py).
"""

from __future__ import annotations

from birdwatch.domain.policy import Lens, View
from birdwatch.domain.sensitivity import LEVELS, is_protected

CONDITIONS: dict[View, str] = {
    "full": "{0}.status <> 'draft'",
    "researcher": "{0}.status = 'published' AND {0}.embargo_until IS NULL",
    "press": "({0}.is_public OR {0}.is_embargoed)",
    "public": "{0}.is_public",
}
PROTECTED = ", ".join(f"'{level}'" for level in LEVELS if is_protected(level))


def visible(lens: Lens, alias: str) -> str:
    """Whether a photo's or survey's row is in lists read through this lens."""
    return CONDITIONS[lens.view].format(alias)


def visible_sighting(lens: Lens, alias: str) -> str:
    """As `visible`, for a sighting; its survey is to be asked too."""
    if lens.is_exact:
        return "TRUE" if lens.view == "full" else f"{alias}.status = 'published'"
    return f"{alias}.is_public"


def is_told_whole(alias: str) -> str:
    """Whether a photo is told with its survey, day and neighbours: one of no protected level."""
    return f"{alias}.level NOT IN ({PROTECTED})"


def visible_beside(lens: Lens, alias: str) -> str:
    """Whether a photo may be named beside its survey: one told of without it must not find it."""
    shown = visible(lens, alias)
    return shown if lens.is_exact else f"{shown} AND {is_told_whole(alias)}"

"""The credit line of the press: who wrote, who photographed (文/徐鑫 摄/国颖)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credit:
    """Names by role, in order: role is one of text, photo, picture, supplied, editor, graphic."""

    parts: tuple[tuple[str, str], ...] = ()

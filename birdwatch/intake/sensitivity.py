"""An administrator sets how much is told of a species: read, checked, and applied at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.policy import Actor
from birdwatch.domain.season import SPANS, HalfYear
from birdwatch.domain.sensitivity import BEHAVIOURS, LEVELS, Behaviour, SensitivityRule
from birdwatch.domain.text import Text
from birdwatch.intake.archive import Archive
from birdwatch.intake.words import find_species
from birdwatch.storage.sensitivity_rules import put_rule, remove_rule
from birdwatch.storage.species import load_species

REASON_CHARS: Final = 500


async def set_rule(
    archive: Archive, raw: Mapping[str, str], *, actor: Actor, now: datetime
) -> SensitivityRule:
    """Set the rule in `raw`; every photo, sighting and count it touches follows in the same write.

    Raises InvalidInputError naming every wrong field.
    """
    errors: list[FieldError] = []
    code = None
    try:
        code = find_species(raw.get("species"), await load_species(archive.db))
        if code is None:
            errors.append(FieldError("species", Text("请填写物种。", "Give the species.")))
    except InvalidInputError as error:
        errors.append(FieldError("species", error.text))
    level = next((one for one in LEVELS if one == raw.get("level")), None)
    if level is None:
        known = ", ".join(LEVELS)
        errors.append(FieldError("level", Text(f"请选择：{known}。", f"Choose one of {known}.")))
    half_year, behaviour = _half_year(raw.get("half_year", "")), _behaviour(raw)
    reason = Text(raw.get("reason_zh", "").strip(), raw.get("reason_en", "").strip())
    if not reason:
        message = Text(
            "请写明依据，至少一种语言。", "Say on what ground, in one language at least."
        )
        errors.append(FieldError("reason_zh", message))
    errors += [
        FieldError(f"reason_{name}", Text(f"最多 {REASON_CHARS} 字。", f"At most {REASON_CHARS}."))
        for name, text in (("zh", reason.zh), ("en", reason.en))
        if len(text) > REASON_CHARS
    ]
    if errors or code is None or level is None:
        raise InvalidInputError(
            "sensitivity.invalid",
            zh=f"规则没有保存，有 {len(errors)} 处需要改正。",
            en=f"The rule was not saved: {len(errors)} fields need correcting.",
            errors=tuple(errors),
        )
    rule = SensitivityRule(code, level, half_year, behaviour, reason)
    async with archive.db.write(actor, now) as tx:
        await put_rule(tx, rule)
    return rule


async def drop_rule(
    archive: Archive, raw: Mapping[str, str], *, actor: Actor, now: datetime
) -> bool:
    """Take the rule of this species and condition away; whether there was one."""
    async with archive.db.write(actor, now) as tx:
        return await remove_rule(
            tx, raw.get("species", ""), _half_year(raw.get("half_year", "")), _behaviour(raw)
        )


def _half_year(text: str) -> HalfYear | Literal[""]:
    return next((one for one in SPANS if one == text), "")


def _behaviour(raw: Mapping[str, str]) -> Behaviour:
    return next((one for one in BEHAVIOURS if one == raw.get("behaviour")), "")

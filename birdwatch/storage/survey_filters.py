"""What lists of surveys and sightings are narrowed to, and what of them one reader may be shown.

A filter asks only for what the reader may see: a protected bird, or a picture that may not be
told of, finds nothing, so that no list answers whether it was there.
"""

from __future__ import annotations

from datetime import date

from birdwatch.domain.policy import FULL, Lens
from birdwatch.domain.season import season_span
from birdwatch.domain.survey import SurveyFilter
from birdwatch.storage.columns import end_of_day, start_of_day, to_day
from birdwatch.storage.sql import Where
from birdwatch.storage.visibility import visible, visible_beside, visible_sighting


def narrow_surveys(where: SurveyFilter, lens: Lens) -> Where:
    """The filter as conditions on `survey v`."""
    narrowed = Where()
    if lens != FULL:
        narrowed.add(visible(lens, "v"))
    _narrow_days(narrowed, "v", where)
    first, last = _days(where)
    if first is not None:
        narrowed.add("v.start_at >= {}", start_of_day(first))
    if last is not None:
        narrowed.add("v.start_at < {}", end_of_day(last))
    narrowed.equal("v.site", where.site)
    narrowed.equal("v.owner_id", where.owner_id)
    shown = "" if lens == FULL else f" AND {visible_sighting(lens, 's')}"
    if where.species is not None:
        narrowed.add(
            "EXISTS (SELECT 1 FROM sighting s WHERE s.survey_id = v.id AND s.until IS NULL"
            f" AND s.species = {{}}{shown})",
            where.species,
        )
    if where.photo_id is not None:
        narrowed.add(
            "v.id IN (SELECT l.survey_id FROM sighting_photo l JOIN sighting s"
            f" ON s.id = l.sighting_id AND s.until IS NULL{shown} WHERE l.photo_id = {{}})",
            where.photo_id,
        )
        _narrow_photo(narrowed, where.photo_id, lens)
    return narrowed


def narrow_sightings(where: SurveyFilter, outer: str, lens: Lens) -> Where:
    """The filter as conditions on `survey v` and `sighting s`; `outer` leads the order."""
    narrowed = Where()
    if lens != FULL:
        narrowed.add(visible(lens, "v"))
        narrowed.add(visible_sighting(lens, "s"))
    narrowed.equal("v.site", where.site)
    narrowed.equal("v.owner_id", where.owner_id)
    narrowed.equal("s.species", where.species)
    _narrow_days(narrowed, outer, where)
    if where.photo_id is not None:
        narrowed.add(
            "s.id IN (SELECT sighting_id FROM sighting_photo WHERE photo_id = {})", where.photo_id
        )
        _narrow_photo(narrowed, where.photo_id, lens)
    return narrowed


def _narrow_photo(narrowed: Where, photo_id: str, lens: Lens) -> None:
    if lens != FULL:
        narrowed.add(
            "EXISTS (SELECT 1 FROM photo_fact f WHERE f.id = {} AND f.until IS NULL"
            f" AND {visible_beside(lens, 'f')})",
            photo_id,
        )


def _narrow_days(narrowed: Where, table: str, where: SurveyFilter) -> None:
    """A season is found by its days: they lead the indexes, the season does not."""
    narrowed.equal("v.season", where.season)
    first, last = _days(where)
    if first is not None:
        narrowed.add(f"{table}.day >= {{}}", to_day(first))
    if last is not None:
        narrowed.add(f"{table}.day <= {{}}", to_day(last))


def _days(where: SurveyFilter) -> tuple[date | None, date | None]:
    """The first and the last day of the filter."""
    if where.season is None:
        return where.day_from, where.day_to
    first, last = season_span(where.season)
    return max(first, where.day_from or first), min(last, where.day_to or last)

"""`/photos/{id}`: one picture, what it is evidence for, and how its time and place are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from birdwatch.domain.credit import render_credit
from birdwatch.domain.errors import InvalidInputError, NotFoundError
from birdwatch.domain.photo import Photo, PhotoFilter
from birdwatch.domain.policy import may
from birdwatch.domain.publication import seen_survey
from birdwatch.domain.species import SpeciesIndex
from birdwatch.domain.summary import CountItem, SeasonSummary, day_items
from birdwatch.domain.survey import Sighting, Survey
from birdwatch.domain.text import Locale
from birdwatch.http.accounts import require, require_csrf
from birdwatch.intake.photo_correction import correct_photo, undo_correction, withdraw_photo
from birdwatch.storage import counts, photos, surveys
from birdwatch.storage.sites import load_sites
from birdwatch.storage.species import load_species
from birdwatch.storage.tombstones import refuse_withdrawn
from birdwatch.web.bursts import frames_beside
from birdwatch.web.changes import history_of
from birdwatch.web.figures import ESTUARY_ZONE
from birdwatch.web.forms import field_errors, typed
from birdwatch.web.reading import archive_of, now_of, reader_of
from birdwatch.web.render import actor_of, locale_of, page
from birdwatch.web.review import review_of
from birdwatch.web.seasonal import season_summary, sightings_by_photo

BESIDE = 6
TEXT_FIELDS = ("taken_at", "site", "species", "credit", "license", "embargo_until")


@dataclass(frozen=True, slots=True)
class Chain:
    """What a photo proves: its sighting, the survey, the day and the season they count in."""

    sighting: Sighting | None = None
    survey: Survey | None = None
    day: CountItem | None = None
    season: SeasonSummary | None = None


async def show_photo(request: Request) -> Response:
    """One photo with everything that is known of it."""
    return await _photo_page(request, await _photo(request))


async def correct(request: Request) -> Response:
    """Take the owner's correction; on a mistake the same page comes back with what was typed."""
    archive, actor = archive_of(request), actor_of(request)
    photo = await _photo(request)
    require(actor, "edit", photo.thing)
    form = await request.form()
    require_csrf(request, form)
    shown = shown_values(photo, await load_species(archive.db), locale_of(request))
    changes = changes_from(form, shown)
    try:
        await correct_photo(archive, photo.id, changes, actor=actor, now=now_of(request))
    except InvalidInputError as error:
        return await _photo_page(request, photo, 422, typed=typed(form), error=error)
    return RedirectResponse(f"/photos/{photo.id}?saved=1#facts", 303)


async def withdraw(request: Request) -> Response:
    """Take the photo out of every list, with a reason that stays at its address."""
    archive, actor = archive_of(request), actor_of(request)
    photo = await _photo(request)
    require(actor, "edit", photo.thing)
    form = await request.form()
    require_csrf(request, form)
    reason = typed(form).get("reason", "")
    try:
        await withdraw_photo(archive, photo.id, reason, actor=actor, now=now_of(request))
    except InvalidInputError as error:
        return await _photo_page(request, photo, 422, typed=typed(form), error=error)
    return RedirectResponse(f"/photos/{photo.id}/history?saved=1", 303)


async def undo(request: Request) -> Response:
    """Go back to the facts before the last correction, as a new version."""
    archive, actor = archive_of(request), actor_of(request)
    photo = await _photo(request)
    require(actor, "edit", photo.thing)
    require_csrf(request, await request.form())
    await undo_correction(archive, photo.id, actor=actor, now=now_of(request))
    return RedirectResponse(f"/photos/{photo.id}?saved=1#facts", 303)


def changes_from(form: FormData, shown: Mapping[str, str]) -> dict[str, object]:
    """What the form changes: only fields that differ from what the page had shown."""
    given = typed(form)
    changed = {name: given[name] for name in shown if name in given and given[name] != shown[name]}
    changes: dict[str, object] = {name: changed[name] for name in TEXT_FIELDS if name in changed}
    if "latitude" in changed or "longitude" in changed:
        point = {name: given.get(name, "") for name in ("latitude", "longitude")}
        changes["position"] = (
            {**point, "crs": given.get("crs", "")} if any(point.values()) else None
        )
    caption = {
        language: changed[f"caption_{language}"]
        for language in ("zh", "en")
        if f"caption_{language}" in changed
    }
    if caption:
        changes["caption"] = caption
    return changes


def shown_values(photo: Photo, species: SpeciesIndex, locale: Locale) -> dict[str, str]:
    """The correction form as it stands before anyone types."""
    facts = photo.facts
    bird = species.get(facts.species) if facts.species else None
    point = facts.place.point if facts.place else None
    return {
        "taken_at": f"{facts.time.wall:%Y-%m-%dT%H:%M:%S}" if facts.time.wall else "",
        "latitude": f"{point.lat:.6f}" if point else "",
        "longitude": f"{point.lon:.6f}" if point else "",
        "crs": "wgs84",
        "site": facts.site or "",
        "species": bird.name.get(locale) if bird else "",
        "caption_zh": facts.caption.zh,
        "caption_en": facts.caption.en,
        "credit": render_credit(facts.credit, "zh"),
        "license": facts.license,
        "embargo_until": f"{facts.embargo_until.astimezone(ESTUARY_ZONE):%Y-%m-%dT%H:%M}"
        if facts.embargo_until
        else "",
        "reason": "",
    }


async def _photo(request: Request) -> Photo:
    photo = await photos.see_photo(
        archive_of(request).db, request.path_params["id"], reader_of(request)
    )
    if photo is None:
        await refuse_withdrawn(archive_of(request).db, "photo", request.path_params["id"])
        raise NotFoundError(
            "photo.unknown",
            zh="没有这张照片。它可能已被撤下，或链接有误。",
            en="There is no such photo. It may have been withdrawn, or the link is wrong.",
        )
    return photo


async def _photo_page(
    request: Request,
    photo: Photo,
    status: int = 200,
    *,
    typed: Mapping[str, str] | None = None,
    error: InvalidInputError | None = None,
) -> Response:
    archive, actor = archive_of(request), actor_of(request)
    older, newer = await photos.neighbours(archive.db, photo, reader_of(request))
    can_edit = photo.view == "full" and may(actor, "edit", photo.thing)
    changes = await history_of(request, "photo", photo.id) if can_edit else []
    species = await load_species(archive.db)
    values = {**shown_values(photo, species, locale_of(request)), **(typed or {})}
    return page(
        request,
        "photo.html",
        status,
        photo=photo,
        chain=await _chain(request, photo),
        older=older,
        newer=newer,
        can_edit=can_edit,
        can_see_place=photo.view == "full",
        beside=await _beside(request, photo),
        frames=await frames_beside(request, photo),
        changes=changes,
        review=await review_of(request, "photo", photo),
        values=values,
        errors=field_errors(error, request),
        error=error,
        is_saved="saved" in request.query_params,
        species=species,
        sites=await load_sites(archive.db),
    )


async def _beside(request: Request, photo: Photo) -> list[Photo]:
    """Other pictures of the same day and site; where there are none, of the same species."""
    facts = photo.facts
    of_day = PhotoFilter(day=facts.day, site=facts.site) if facts.day else None
    of_species = PhotoFilter(species=facts.species) if facts.species else None
    for where in (of_day, of_species):
        if where:
            shown = await photos.list_photos(
                archive_of(request).db,
                where,
                reader=reader_of(request),
                limit=BESIDE + 1,
                cursor=None,
            )
            others = [one for one in shown.items if one.id != photo.id and one.renditions]
            if others:
                return others[:BESIDE]
    return []


async def _chain(request: Request, photo: Photo) -> Chain:
    archive = archive_of(request)
    sighting = (await sightings_by_photo(request, [photo])).get(photo.id)
    survey_id = sighting.survey_id if sighting else photo.facts.survey_id
    raw = await surveys.find_survey(archive.db, survey_id) if survey_id else None
    reader = reader_of(request)
    survey = seen_survey(raw, reader.actor, reader.now) if raw else None
    if survey is None or (sighting and sighting.id not in {s.id for s in survey.sightings}):
        sighting = None
    if photo.facts.day is None or photo.facts.season is None:
        return Chain(sighting, survey)
    day = photo.facts.day
    daily = await counts.daily_counts(archive.db, day_from=day, day_to=day)
    total, _ = day_items(daily)
    return Chain(
        sighting,
        survey,
        total,
        await season_summary(request, photo.facts.season),
    )

"""What each view holds of a photo or a survey: built by allow-list, so a new field is private.

Every surface shows what these functions give, and nothing that storage gave. `seen_*` asks the
policy and returns None where the thing does not exist for this reader.

What is told of a photo by its level, to those without the full view:
- `open`, `0.001`, `0.01`: all but the private values, the point on its grid. Of a bird that the
  rules ask care for, site and point are both told only where the site holds the whole grid cell;
  otherwise the site alone, so that the two do not meet in less than the point says.
- `0.1`: species, season, credit, licence, pictures, and the point on its grid. No site, day, time,
  caption, camera, survey, neighbours, or time of arrival.
- `withhold`: nothing.
A sighting at `0.1` or `withhold` is in no public list and in no public count.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from birdwatch.domain.photo import Camera, Photo, PhotoFacts, PublicValues, SettledTime
from birdwatch.domain.place import Point, SettledPlace, Site
from birdwatch.domain.policy import Actor, View, view
from birdwatch.domain.sensitivity import Level, cell_lies_in, is_protected, snap
from birdwatch.domain.survey import Survey

__all__ = ["public_photo", "public_values", "seen_photo", "seen_survey"]
NO_TIME = SettledTime(None, None, None, "unknown", "none")


def public_values(
    facts: PhotoFacts, level: Level, site: Site | None, *, is_listed: bool
) -> PublicValues:
    """What the archive tells everyone of when and where. `is_listed`: the bird asks for care."""
    if level == "withhold":
        return PublicValues()
    point = snap(facts.place.point, level) if facts.place else None
    if is_protected(level):
        return PublicValues(point=point)
    if (
        is_listed
        and point is not None
        and site is not None
        and not cell_lies_in(site, point, level)
    ):
        point = None
    return PublicValues(point, facts.site, facts.day, facts.dekad, facts.phase, facts.survey_id)


def seen_photo(photo: Photo, actor: Actor, now: datetime) -> Photo | None:
    """The photo as this actor may see it; None: for them there is none."""
    how = view(photo.thing, actor, now)
    if how is None or how == "full":
        return photo if how else None
    if how == "researcher":
        return _without_private(photo, how, photo.facts, photo.camera)
    return public_photo(photo, how)


def public_photo(photo: Photo, how: View = "public") -> Photo:
    """What everyone may know of a photo, whatever its status; the caller has asked the policy."""
    facts, public = photo.facts, photo.public
    if is_protected(facts.level):
        shown = PhotoFacts(
            time=NO_TIME,
            place=_place(public.point, facts.place),
            season=facts.season,
            species=facts.species,
            credit=facts.credit,
            license=facts.license,
            embargo_until=facts.embargo_until,
            level=facts.level,
        )
        hidden = _without_private(photo, how, shown, Camera())
        return replace(
            hidden, received_at=datetime.min.replace(tzinfo=photo.received_at.tzinfo), version=0
        )
    shown = PhotoFacts(
        time=facts.time,
        place=_place(public.point, facts.place),
        site=public.site,
        is_outside=facts.is_outside,
        season=facts.season,
        phase=public.phase,
        dekad=public.dekad,
        species=facts.species,
        caption=facts.caption,
        credit=facts.credit,
        license=facts.license,
        sighting_id=facts.sighting_id if public.survey_id else None,
        survey_id=public.survey_id,
        embargo_until=facts.embargo_until,
        level=facts.level,
    )
    return _without_private(photo, how, shown, photo.camera)


def _place(point: Point | None, place: SettledPlace | None) -> SettledPlace | None:
    """The public point with how it is known; accuracy and direction would sharpen it again."""
    if point is None or place is None:
        return None
    return SettledPlace(point, place.source, place.confidence)


def _without_private(photo: Photo, how: View, facts: PhotoFacts, camera: Camera) -> Photo:
    """Nothing that bytes and sender say of themselves: hash, name, owner, serial, tags, history."""
    return Photo(
        id=photo.id,
        sha256="",
        format=photo.format,
        width=photo.width,
        height=photo.height,
        size_bytes=0,
        received_at=photo.received_at,
        owner_id=None,
        original_name="",
        state=photo.state,
        camera=replace(camera, serial="") if camera.serial else camera,
        facts=replace(facts, flags=()),
        original=replace(facts, flags=()),
        version=photo.version,
        thumbhash=photo.thumbhash,
        renditions=photo.renditions,
        public=photo.public,
        view=how,
    )


def seen_survey(survey: Survey, actor: Actor, now: datetime) -> Survey | None:
    """The survey as this actor may see it, with the sightings they may see; None: there is none."""
    how = view(survey.thing, actor, now)
    if how is None or how == "full":
        return survey if how else None
    if how == "researcher":
        sightings = tuple(s for s in survey.sightings if s.status == "published")
    else:
        sightings = tuple(s for s in survey.sightings if s.is_public)
    return replace(
        survey,
        owner_id=None,
        flags=(),
        view=how,
        sightings=tuple(replace(s, flags=()) if s.flags else s for s in sightings),
    )

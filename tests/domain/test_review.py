from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.photo import PhotoFacts, SettledTime
from birdwatch.domain.place import Site, middle_of
from birdwatch.domain.policy import SYSTEM, Actor
from birdwatch.domain.review import (
    FLAG_TEXTS,
    FLAGS,
    KnownRange,
    ReviewTerms,
    brightness_of,
    check_photo,
    check_survey,
    checked_reason,
    is_near_edge,
    judge_photo,
    judge_survey,
    status_for,
    sun_elevation,
)
from birdwatch.domain.season import Window
from birdwatch.domain.species import Species, SpeciesIndex
from birdwatch.domain.text import Text
from tests.storage.makers import facts, sighting, survey

INDEX = SpeciesIndex(
    [
        Species("grekno", "species", "Calidris tenuirostris", Text("大滨鹬", "Great Knot")),
        Species("shoreb", "spuh", "Charadriiformes sp.", Text("鸻鹬", "shorebird sp.")),
    ]
)
KNOWN = KnownRange(largest=1000, first=(4, 1), last=(5, 10), records=20)
TERMS = ReviewTerms(INDEX, ranges={("grekno", "spring"): KNOWN})
PEAK = Window("spring-peak", "spring", Text("盛期", "Peak"), (4, 1), (5, 10), Text("测"), True)
CHECKED = Actor("wang", "contributor", None, "Wang", "checked")
TRUSTED = replace(CHECKED, trust="trusted")
SQUARE = {"type": "Polygon", "coordinates": [[[122, 40], [123, 40], [123, 42], [122, 42]]]}


def wall(*parts: int) -> datetime:
    return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001


def at_night(hour: int = 1, source: str = "exif_offset") -> PhotoFacts:
    local = wall(2026, 4, 14, hour, 30)
    instant = datetime(2026, 4, 13, 16 + hour, 30, tzinfo=UTC)
    return PhotoFacts(SettledTime(instant, local, 480, source, "high"), None)  # type: ignore[arg-type]


def thumbhash(light: int) -> str:
    return base64.b64encode(bytes([light, 0, 0, 0])).decode()


def test_every_flag_has_a_sentence_in_both_languages() -> None:
    assert set(FLAG_TEXTS) == set(FLAGS)
    assert all(text.zh and text.en for text in FLAG_TEXTS.values())


@pytest.mark.parametrize(
    ("actor", "flags", "status"),
    [
        (TRUSTED, (), "published"),
        (TRUSTED, ("place_outside",), "pending"),
        (CHECKED, (), "pending"),
        (CHECKED, ("place_outside",), "pending"),
        (SYSTEM, ("place_outside",), "published"),
    ],
)
def test_status_follows_trust_and_flags(actor: Actor, flags: tuple[str, ...], status: str) -> None:
    assert status_for(actor, flags) == status


@pytest.mark.parametrize(
    ("best", "flags"),
    [(3000, ()), (3001, ("number_above_range",)), (None, ()), (0, ())],
)
def test_survey_number_is_held_to_three_times_the_largest(
    best: int | None, flags: tuple[str, ...]
) -> None:
    assert check_survey(survey(sighting(best=best)), TERMS) == ((), (flags,))


def test_survey_of_few_records_has_no_range() -> None:
    few = replace(TERMS, ranges={("grekno", "spring"): replace(KNOWN, records=4)})
    assert check_survey(survey(sighting(best=90_000)), few) == ((), ((),))


@pytest.mark.parametrize(
    ("day", "flags"),
    [
        (date(2026, 3, 17), ()),
        (date(2026, 3, 16), ("date_outside_range",)),
        (date(2026, 5, 25), ()),
        (date(2026, 5, 26), ("date_outside_range",)),
        (date(2025, 9, 1), ()),  # nothing is known of autumn
    ],
)
def test_survey_date_is_held_to_fifteen_days_around_the_known(
    day: date, flags: tuple[str, ...]
) -> None:
    assert check_survey(survey(sighting(), day=day), TERMS) == ((), (flags,))


def test_survey_names_are_held_to_the_list() -> None:
    new = survey(sighting("shoreb"), sighting("nobody"))
    assert check_survey(new, TERMS) == ((), (("name_not_listed",), ("name_not_listed",)))


def test_survey_zero_is_held_to_what_others_saw() -> None:
    terms = replace(TERMS, present=frozenset({"grekno"}))
    new = survey(sighting(best=0), sighting("shoreb", 3))
    assert check_survey(new, terms)[1][0] == ("zero_against_present",)
    assert check_survey(survey(sighting(best=4)), terms) == ((), ((),))


def test_survey_of_a_trusted_person_waits_only_where_it_is_flagged() -> None:
    judged = judge_survey(survey(sighting(best=9000), sighting("grekno", 4)), TRUSTED, TERMS)
    assert (judged.status, judged.flags) == ("published", ())
    assert [(s.status, s.flags) for s in judged.sightings] == [
        ("pending", ("number_above_range",)),
        ("published", ()),
    ]


def test_survey_of_a_new_person_waits_and_says_so() -> None:
    judged = judge_survey(survey(sighting()), CHECKED, TERMS)
    assert (judged.status, judged.flags) == ("pending", ("new_contributor",))
    known = judge_survey(survey(sighting()), CHECKED, replace(TERMS, published=5))
    assert (known.status, known.flags) == ("pending", ())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("published", "published"),
        ("rejected", "pending"),
        ("queried", "pending"),
        (None, "published"),
    ],
)
def test_correction_does_not_publish_what_was_held_back(before: str | None, after: str) -> None:
    judged = judge_survey(survey(sighting()), TRUSTED, TERMS, before=before)  # type: ignore[arg-type]
    assert judged.status == after
    photo = judge_photo(facts(), TRUSTED, TERMS, before=before)  # type: ignore[arg-type]
    assert photo.status == after


def test_command_line_is_not_checked() -> None:
    new = survey(sighting("nobody", 2_000_000))
    assert judge_survey(new, SYSTEM, TERMS) == new
    assert judge_photo(facts(), SYSTEM, TERMS) == facts()


def test_photo_flags_say_species_date_and_place() -> None:
    given = replace(facts(wall(2026, 2, 1, 12)), species="grekno", is_outside=True)
    assert check_photo(given, TERMS) == ("date_outside_range", "place_outside")
    assert check_photo(replace(facts(), species="shoreb"), TERMS) == ("name_not_listed",)
    assert check_photo(facts(), TERMS) == ()


@pytest.mark.parametrize(
    ("local", "is_near"),
    [
        (wall(2026, 3, 31, 16), True),
        (wall(2026, 3, 31, 15, 59), False),
        (wall(2026, 4, 1, 8), True),
        (wall(2026, 4, 1, 8, 1), False),
        (wall(2026, 5, 10, 20), True),
        (wall(2026, 5, 11, 9), False),
        (wall(2026, 2, 28, 18), True),  # a season begins
        (None, False),
    ],
)
def test_edges_of_windows_are_eight_hours_wide(local: datetime | None, is_near: bool) -> None:
    assert is_near_edge(local, [PEAK]) is is_near


def test_photo_near_an_edge_is_flagged_only_where_the_zone_is_assumed() -> None:
    terms = replace(TERMS, windows=(PEAK,))
    time = SettledTime(None, wall(2026, 4, 1, 5), 480, "exif_site_zone", "medium")
    assert check_photo(PhotoFacts(time, None), terms) == ("time_near_window_edge",)
    assert check_photo(PhotoFacts(replace(time, source="exif_offset"), None), terms) == ()


def test_sun_is_where_almanacs_have_it() -> None:
    noon = datetime(2026, 6, 21, 3, 51, tzinfo=UTC)  # local noon at 122 E
    point = middle_of(SQUARE)
    assert point is not None
    assert (point.lat, point.lon) == (41, 122.5)
    assert sun_elevation(point, noon) == pytest.approx(90 - 41 + 23.44, abs=0.3)


@pytest.mark.parametrize(
    ("hour", "brightness", "flags"),
    [
        (1, 0.8, ("night_but_bright",)),
        (1, 0.1, ()),
        (1, None, ()),
        (12, 0.8, ()),
    ],
)
def test_photo_is_held_to_the_sun(
    hour: int, brightness: float | None, flags: tuple[str, ...]
) -> None:
    given = at_night(hour) if hour == 1 else facts(wall(2026, 4, 14, 12))
    assert check_photo(given, TERMS, brightness=brightness) == flags


def test_sun_is_asked_at_the_site_where_there_is_no_position() -> None:
    far = Site(
        "far", Text("远", "Far"), {"type": "Polygon", "coordinates": [[[-60, 40], [-58, 41]]]}
    )
    given = replace(at_night(), site="far")
    terms = replace(TERMS, sites={"far": far})
    assert check_photo(given, terms, brightness=0.8) == ()  # day on the other side of the earth


def test_brightness_is_read_from_a_thumbhash() -> None:
    assert brightness_of(thumbhash(63)) == 1
    assert brightness_of(thumbhash(0)) == 0
    assert [brightness_of(text) for text in (None, "", "?", "AA==")] == [None] * 4


def test_reason_is_needed_to_hold_back() -> None:
    assert checked_reason("published", "  ") == ""
    assert checked_reason("rejected", " twice ") == "twice"
    for status, reason in (("rejected", " "), ("queried", ""), ("published", "x" * 1001)):
        with pytest.raises(InvalidInputError) as caught:
            checked_reason(status, reason)  # type: ignore[arg-type]
        assert [error.field for error in caught.value.errors] == ["reason"]

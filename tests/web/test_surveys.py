from __future__ import annotations

from birdwatch.web.survey_form import is_filled, place_errors, rows_from, sighting_from, survey_from


def test_rows_from_keeps_the_order_of_the_form_and_its_gaps() -> None:
    values = {"s10-best": "9", "s2-species": "大滨鹬", "s2-best": "320", "date": "2026-04-25"}
    assert rows_from(values) == [{"species": "大滨鹬", "best": "320"}, {"best": "9"}]


def test_rows_from_ignores_names_that_are_none() -> None:
    assert rows_from({"s1-evil": "x", "sx-best": "1", "s99999-best": "2", "site": "a"}) == []


def test_is_filled_is_not_moved_by_the_default_method() -> None:
    assert not is_filled({"species": "", "best": "", "method": "counted"})
    assert is_filled({"species": "", "best": "0", "method": "counted"})


def test_sighting_from_takes_photo_ids_and_addresses() -> None:
    row = {"species": "大滨鹬", "best": "320", "photos": "abc，http://host/photos/def/ ghi"}
    assert sighting_from(row) == {
        "species": "大滨鹬",
        "low": "",
        "best": "320",
        "high": "",
        "method": "",
        "behaviour": "",
        "note": "",
        "photos": ["abc", "def", "ghi"],
        "id": "",
    }


def test_survey_from_joins_day_and_time_only_where_a_time_is_given() -> None:
    values = {"site": "a", "date": "2026-04-25", "start": "17:30", "end": "", "complete": "1"}
    made = survey_from(values, [])
    assert (made["start"], made["end"], made["complete"]) == ("2026-04-25T17:30", None, True)
    assert survey_from({"date": "2026-04-25"}, [])["start"] == "2026-04-25"


def test_place_errors_points_at_the_row_as_it_stands_in_the_form() -> None:
    errors = {"sightings[1].best": "no number", "sightings[0]": "twice", "site": "unknown"}
    assert place_errors(errors, [0, 4]) == {
        "s4-best": "no number",
        "s0-species": "twice",
        "site": "unknown",
    }

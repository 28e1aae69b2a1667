"""The settings: their defaults, the environment, and what is said of a wrong value."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from birdwatch.domain.errors import InvalidInputError
from birdwatch.settings import MOST_DECODERS, OPTIONS, Settings, cores


def test_empty_environment_gives_the_defaults() -> None:
    assert Settings.from_env({}) == Settings()
    assert Settings().database_url == "sqlite://media/birdwatch.db"


def test_every_setting_is_an_option_with_a_line_of_help() -> None:
    assert [option.name for option in OPTIONS] == [field.name for field in fields(Settings)]
    assert all(option.help for option in OPTIONS)


def test_environment_is_read_by_its_prefix() -> None:
    environ = {
        "BIRDWATCH_HOME": "/srv/birds",
        "BIRDWATCH_HOST": "::",
        "BIRDWATCH_PORT": "80",
        "BIRDWATCH_DATABASE": "postgres://birds@db/birds",
        "BIRDWATCH_MAX_PHOTO_BYTES": "1_000_000",
        "BIRDWATCH_BASE_URL": "https://birds.example/",
        "BIRDWATCH_TRUSTED_HOSTS": "birds.example, localhost",
        "BIRDWATCH_LOG_LEVEL": "DEBUG",
        "HOME": "/root",
    }
    assert Settings.from_env(environ) == Settings(
        home=Path("/srv/birds"),
        host="::",
        port=80,
        database="postgres://birds@db/birds",
        max_photo_bytes=1_000_000,
        base_url="https://birds.example",
        trusted_hosts=("birds.example", "localhost"),
        log_level="debug",
    )


def test_pictures_are_made_on_every_core_unless_a_number_is_set() -> None:
    assert Settings().decoders == min(cores(), MOST_DECODERS)
    assert Settings(render_children=7).decoders == 7


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("PORT", "eighty", "is 'eighty'; it must be a whole number."),
        ("PORT", "70000", "is '70000'; it must be from 0 to 65535."),
        ("MAX_PHOTO_BYTES", "0", "is '0'; it must be at least 1."),
        ("LOG_LEVEL", "loud", "is 'loud'; it must be one of debug, info, warning, error."),
    ],
)
def test_wrong_value_names_its_variable(name: str, value: str, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Settings.from_env({f"BIRDWATCH_{name}": value})
    assert caught.value.text.en == f"The environment variable BIRDWATCH_{name} {sentence}"
    assert f"BIRDWATCH_{name}" in caught.value.text.zh

"""The words of tus: what is written is read again, and what is not well formed is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import MalformedError
from birdwatch.domain.upload import (
    Checksum,
    read_checksum,
    read_concat,
    read_metadata,
    read_number,
    write_metadata,
)

KEYS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","),
    min_size=1,
    max_size=20,
)
VALUES = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(KEYS.filter(lambda key: key != "sha256"), VALUES, max_size=5))
def test_metadata_is_read_as_it_was_written(words: dict[str, str]) -> None:
    metadata = tuple(words.items())
    assert read_metadata(write_metadata(metadata)) == metadata


def test_metadata_may_be_empty_or_loosely_spaced() -> None:
    assert read_metadata("") == read_metadata("  ") == ()
    assert read_metadata("a YQ== , b,c ") == (("a", "a"), ("b", ""), ("c", ""))


@pytest.mark.parametrize(
    "text",
    [
        "a YQ==,a YQ==",
        "a !!",
        "a YQ",
        ",",
        "a YQ==,",
        "鸟 YQ==",
        "a b YQ==",
        "a gA==",
        "a YQ==\x00",
        "k" * 101 + " YQ==",
        "sha256 YWJj",
    ],
    ids=["twice", "no-base64", "padding", "comma", "end", "chinese", "space", "utf-8", "nul",
         "long", "sha256"],
)  # fmt: skip
def test_metadata_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        read_metadata(text)


@given(st.text(max_size=60))
def test_no_header_does_more_than_be_refused(text: str) -> None:
    for read in (read_metadata, read_checksum, read_concat, lambda t: read_number(t, "X")):
        with contextlib.suppress(MalformedError):
            read(text)


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.0", "1e3", "٣", " 1", "9" * 17, str(2**53 + 1)]
)
def test_number_of_bytes_is_a_plain_whole_number(text: str) -> None:
    with pytest.raises(MalformedError):
        read_number(text, "Upload-Offset")


def test_checksum_is_an_algorithm_and_its_digest() -> None:
    assert read_checksum("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=") == Checksum(
        "sha1", bytes.fromhex("2aae6c35c94fcfb415dbe95f408b9ce91ee846ed")
    )
    assert read_checksum("SHA256 " + "A" * 43 + "=") == Checksum("sha256", bytes(32))


@pytest.mark.parametrize(
    "text", ["", "sha1", "sha1 ", "sha1 AAAA", "md5 AAAAAAAAAAAAAAAAAAAAAA==", "sha256 !"]
)
def test_other_checksums_are_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        read_checksum(text)


def test_concat_names_the_parts_by_any_address() -> None:
    one, two = "0123456789abcdef", "zyxw987654321000"
    assert read_concat("partial") == ("partial", ())
    listed = f"final;/api/v1/uploads/{one} https://birds.example/api/v1/uploads/{two}/"
    assert read_concat(listed) == ("final", (one, two))


@pytest.mark.parametrize(
    "text",
    ["", "final", "final;", "final;/a/../etc", "partial;/api/v1/uploads/0123456789abcdef", "whole",
     "final;" + " /0123456789abcdef" * 101],
)  # fmt: skip
def test_concat_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        read_concat(text)

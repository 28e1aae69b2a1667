import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.domain.errors import MalformedError
from birdwatch.domain.paging import decode_cursor, encode_cursor

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXTS, st.integers(-(2**63), 2**63 - 1), st.none() | TEXTS)
def test_cursor_returns_what_was_put_in(name: str, number: int, last: str | None) -> None:
    assert decode_cursor(encode_cursor(name, number, last), str, int, str) == (name, number, last)


@given(st.text())
def test_cursor_refuses_anything_else_with_a_sentence(cursor: str) -> None:
    try:
        parts = decode_cursor(cursor, str, int)
    except MalformedError as error:
        code, kinds = error.code, [True, True]
    else:
        code = "cursor.invalid"
        kinds = [type(part) in (str, int, type(None)) for part in parts]
    assert (code, kinds) == ("cursor.invalid", [True, True])


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        encode_cursor("one"),
        encode_cursor(1, "a"),
        encode_cursor("a", 1, 2),
        "W10",
        "bnVsbA",
        "dHJ1ZQ==",
        "W3RydWUsMV0",
    ],
)
def test_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(MalformedError):
        decode_cursor(cursor, str, int)

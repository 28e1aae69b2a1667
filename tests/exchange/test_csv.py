from __future__ import annotations

import csv
import io
from datetime import date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.exchange.csv import CHUNK_CHARS, cell_text, to_csv, write_rows

ZONE = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "1"),
        (False, "0"),
        (0, "0"),
        (-122.14, "-122.14"),
        (date(2026, 4, 20), "2026-04-20"),
        (datetime(2026, 4, 20, 5, 30, tzinfo=ZONE), "2026-04-20T05:30:00+08:00"),
        (("国颖", "徐鑫"), "国颖; 徐鑫"),
        ("大滨鹬", "大滨鹬"),
        ("=1+1", "'=1+1"),
        ("@cmd", "'@cmd"),
        ("-2", "'-2"),
        ("  =1+1", "'  =1+1"),
        ("＝1", "'＝1"),
        ("\tx", "'\tx"),
        (["=HYPERLINK(1)"], "'=HYPERLINK(1)"),
    ],
)
def test_cell_text_is_plain_and_never_a_formula(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_to_csv_quotes_as_rfc_4180() -> None:
    table = to_csv(["note", "best"], [['say "shoo"', 3], ["two\r\nlines", 4], ["a,b", None]])
    assert table == (b'note,best\r\n"say ""shoo""",3\r\n"two\r\nlines",4\r\n"a,b",\r\n')


def test_to_csv_begins_with_a_mark_for_excel_when_asked() -> None:
    assert to_csv(["物种"], [["鹗"]], bom=True) == "\ufeff物种\r\n鹗\r\n".encode()


def test_write_rows_gives_a_long_table_in_pieces() -> None:
    pieces = list(write_rows(["n"], ([number] for number in range(100_000))))
    assert len(pieces) > 5
    assert max(map(len, pieces)) < CHUNK_CHARS + 100
    assert b"".join(pieces).split() == [b"n", *(str(n).encode() for n in range(100_000))]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2,
                         max_size=2)))  # fmt: skip
def test_to_csv_is_read_back_whole(rows: list[list[str]]) -> None:
    text = to_csv(["a", "b"], rows).decode()
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert read == [["a", "b"], *([cell_text(cell) for cell in row] for row in rows)]

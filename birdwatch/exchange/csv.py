"""CSV as spreadsheets and scripts both read it: RFC 4180, UTF-8, and never a formula.

A cell that begins like a formula would be run by the spreadsheet that opens it, so text gets an
apostrophe before it there. Numbers are left as they are: a negative longitude is a number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Final

BOM: Final = "\ufeff"  # without it Excel takes UTF-8 for the local code page
MEDIA_TYPE: Final = "text/csv; charset=utf-8"
FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
LIST_SEPARATOR: Final = "; "
CHUNK_CHARS: Final = 64 * 1024


def write_rows(
    header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = False
) -> Iterator[bytes]:
    """The table in chunks of some 64 KiB, however long it is. Lines end in CRLF."""
    out = io.StringIO(newline="")
    if bom:
        out.write(BOM)
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([cell_text(name) for name in header])
    for row in rows:
        writer.writerow([cell_text(value) for value in row])
        if out.tell() >= CHUNK_CHARS:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    if out.tell():
        yield out.getvalue().encode()


def to_csv(header: Sequence[str], rows: Iterable[Sequence[object]], *, bom: bool = False) -> bytes:
    """The whole table at once."""
    return b"".join(write_rows(header, rows, bom=bom))


def cell_text(value: object) -> str:
    """A value as a cell: None empty, yes and no as 1 and 0, dates ISO 8601, lists joined."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = sorted(map(str, value)) if isinstance(value, (set, frozenset)) else map(str, value)
        return safe_text(LIST_SEPARATOR.join(parts))
    return safe_text(str(value))


def safe_text(text: str) -> str:
    """Text that a spreadsheet shows and never computes; NUL, which ends cells in some, dropped."""
    text = text.replace("\0", "")
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text

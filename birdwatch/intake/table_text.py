"""Reading tables as people save them: any usual encoding and separator, row by row.

Excel in China writes GBK, Excel elsewhere UTF-8 with a mark or UTF-16, spreadsheets of half of
Europe semicolons. A table is never held in memory, so it may have a million rows.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from birdwatch.domain.errors import InvalidInputError
from birdwatch.domain.text import Text

CHUNK_BYTES: Final = 1 << 20
MAX_CELL_CHARS: Final = 131_072
DELIMITERS: Final = (",", ";", "\t", "|")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `line` is the line of the file it begins on, the header's being 1."""

    line: int
    cells: list[str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read, and why."""

    line: int
    message: Text


@dataclass(frozen=True, slots=True)
class Table:
    """A table file whose encoding, separator and header are known."""

    path: Path
    encoding: str
    delimiter: str
    header: tuple[str, ...]
    size_bytes: int

    def rows(self) -> Iterator[Row | BadRow]:
        """The rows under the header; blank ones are left out."""
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, strict=True)
            next(reader, None)
            line = reader.line_num + 1
            while True:
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield BadRow(line, _unreadable(str(error)))
                    return
                if any(cell and not cell.isspace() for cell in cells):
                    yield self._row(line, cells)
                line = reader.line_num + 1

    def _row(self, line: int, cells: list[str]) -> Row | BadRow:
        extra = cells[len(self.header) :]
        if any(cell.strip() for cell in extra):
            return BadRow(
                line,
                Text(
                    f"本行有 {len(cells)} 格，表头只有 {len(self.header)} 格。"
                    "含分隔符的内容须加英文引号；数字不要写千位分隔符。",
                    f"The row has {len(cells)} cells, the header {len(self.header)}. Put quotes"
                    " around a cell that holds the separator; write numbers without one.",
                ),
            )
        return Row(line, cells)


def open_table(path: Path) -> Table:
    """Find out how the file is written. Raises InvalidInputError when it is no table."""
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        first = file.readline(MAX_CELL_CHARS)
    delimiter = max(DELIMITERS, key=lambda mark: (first.count(mark), -DELIMITERS.index(mark)))
    try:
        header = next(csv.reader([first], delimiter=delimiter), [])
    except csv.Error as error:
        raise _not_a_table(_unreadable(str(error))) from None
    if not any(name.strip() for name in header):
        raise _not_a_table(
            Text("文件第一行须为表头。", "The first line of the file must name its columns.")
        )
    names = tuple(name.strip() for name in header)
    return Table(path, encoding, delimiter, names, path.stat().st_size)


def column_key(name: str) -> str:
    """A column's name as it is compared: case, spaces, hyphens and underscores ignored."""
    return "".join(c for c in name.casefold() if c not in " _-\u3000\ufeff")


def find_columns(header: Sequence[str], names: dict[str, tuple[str, ...]]) -> dict[str, int]:
    """Where each known column stands; `names` gives what each may be called.

    Raises InvalidInputError for a column that stands there twice.
    """
    keys = [column_key(name) for name in header]
    found: dict[str, int] = {}
    for column, spellings in names.items():
        wanted = {column_key(spelling) for spelling in spellings}
        places = [place for place, key in enumerate(keys) if key in wanted]
        if len(places) > 1:
            twice = "、".join(header[place] for place in places)
            raise _not_a_table(
                Text(
                    f"有几列都表示 {column}：{twice}。请只留一列。",
                    f"Several columns stand for {column}: {twice}. Leave only one.",
                )
            )
        if places:
            found[column] = places[0]
    return found


def _encoding(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise InvalidInputError(
            "table.unreadable",
            zh=f"打不开文件 {path.name}：{error.strerror}。",
            en=f"The file {path.name} cannot be opened: {error.strerror}.",
        ) from None
    if head.startswith((_ZIP, _OLE)):
        raise _not_a_table(
            Text(
                "这是 Excel 工作簿。请另存为“CSV UTF-8（逗号分隔）”。",
                "This is an Excel workbook. Save it as “CSV UTF-8 (comma delimited)”.",
            )
        )
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if _decodes(path, encoding):
                return encoding
            raise _not_text()
    for encoding in ("utf-8", "gb18030"):
        if _decodes(path, encoding):
            return encoding
    raise _not_text()


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                if "\0" in decoder.decode(chunk):
                    return False
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _unreadable(reason: str) -> Text:
    return Text(
        f"从这一行起读不下去（{reason}）。请检查引号是否成对。",
        f"The table cannot be read from this row on ({reason}). Check that quotes come in pairs.",
    )


def _not_text() -> InvalidInputError:
    return _not_a_table(
        Text(
            "文件既不是 UTF-8 也不是 GBK 文本。请另存为 CSV UTF-8。",
            "The file is neither UTF-8 nor GBK text. Save it as CSV UTF-8.",
        )
    )


def _not_a_table(message: Text) -> InvalidInputError:
    return InvalidInputError("table.invalid", zh=message.zh, en=message.en)

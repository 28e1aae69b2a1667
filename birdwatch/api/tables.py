"""The structs of the contract as tables: one column per plain value, nested ones joined by `_`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from msgspec import inspect

from birdwatch.exchange.csv import to_csv


def write_csv(
    kind: type[msgspec.Struct],
    rows: Iterable[msgspec.Struct],
    fields: tuple[str, ...] | None,
    *,
    bom: bool,
) -> bytes:
    """The rows as CSV in UTF-8 with a header line; `fields` chooses and orders the columns."""
    columns = [c for name in fields or kind.__struct_encode_fields__ for c in _columns(kind, name)]
    values = (msgspec.to_builtins(row) for row in rows)
    header = ["_".join(path) for path in columns]
    return to_csv(header, ([_cell(row, path) for path in columns] for row in values), bom=bom)


def _columns(kind: type[msgspec.Struct], name: str) -> Iterator[tuple[str, ...]]:
    """The columns of one field: none for a list of things, which has a table of its own."""
    info = next(f for f in msgspec.structs.fields(kind) if f.encode_name == name)
    for option in _options(info.type):
        if isinstance(option, inspect.StructType):
            for inner in option.cls.__struct_encode_fields__:
                yield (name, inner)
            return
        if _is_list_of_structs(option):
            return
    yield (name,)


def _options(kind: object) -> tuple[inspect.Type, ...]:
    info = inspect.type_info(kind)
    return info.types if isinstance(info, inspect.UnionType) else (info,)


def _is_list_of_structs(info: inspect.Type) -> bool:
    is_list = isinstance(info, inspect.ListType | inspect.VarTupleType)
    return is_list and isinstance(info.item_type, inspect.StructType)  # type: ignore[attr-defined]


def _cell(values: dict[str, object], path: tuple[str, ...]) -> object:
    value: object = values
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else value

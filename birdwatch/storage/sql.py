"""Small pieces of SQL put together with numbered placeholders, which both databases read."""

from __future__ import annotations

from collections.abc import Sequence


def marks(count: int) -> str:
    """Placeholders $1 to $count."""
    return ", ".join(f"${number}" for number in range(1, count + 1))


def insert(table: str, columns: Sequence[str]) -> str:
    """INSERT of one row."""
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks(len(columns))})"


class Where:
    """Conditions joined by AND, and the values of their placeholders."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._conditions: list[str] = []

    @property
    def sql(self) -> str:
        return " AND ".join(self._conditions) or "TRUE"

    def value(self, value: object) -> str:
        """A placeholder for this value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str, *values: object) -> None:
        """A condition with `{}` for each of these values."""
        self._conditions.append(condition.format(*(self.value(value) for value in values)))

    def equal(self, column: str, value: object) -> None:
        """Nothing where the value is None."""
        if value is not None:
            self.add(f"{column} = {{}}", value)

    def after(self, keys: Sequence[str], last: Sequence[object], *, falls: bool) -> None:
        """Rows that follow this one in the order of these columns."""
        places = ", ".join("{}" for _ in last)
        self.add(f"({', '.join(keys)}) {'<' if falls else '>'} ({places})", *last)

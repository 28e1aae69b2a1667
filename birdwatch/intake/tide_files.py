"""What stands in a tide file: a CSV table of waters, or harmonic constants as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import asin, cos, isfinite, radians, sin, sqrt
from pathlib import Path
from typing import Any, Final

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.harmonics import Constituent, known_name
from birdwatch.domain.place import Point, Site, middle_of
from birdwatch.domain.text import Text
from birdwatch.domain.tide import MAX_GAP, Station, Turn, Water
from birdwatch.domain.written import Moment, Refusal, clean, read_moment
from birdwatch.intake.table_text import BadRow, find_columns, open_table

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_ERRORS: Final = 20
MAX_HEIGHT_M: Final = 20.0
EARTH_KM: Final = 6371.0
COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "date": ("date", "日期"),
    "time": ("time", "datetime", "date_time", "时间", "潮时"),
    "height": ("height", "height_m", "level", "潮高", "潮高m", "潮高(m)", "高度"),
    "height_cm": ("height_cm", "潮高cm", "潮高(cm)", "潮高（cm）"),
    "type": ("type", "kind", "high_low", "类型", "潮汐"),
}
TURN_WORDS: Final[dict[str, Turn]] = {
    "high": "high", "h": "high", "hw": "high", "高潮": "high", "满潮": "high", "高": "high",
    "low": "low", "l": "low", "lw": "low", "低潮": "low", "干潮": "low", "低": "low",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class TideRequest:
    """What the operator says of a file: which station, of which sites, from where."""

    station: str = ""
    name: str = ""
    source: str = ""
    datum: str = ""
    sites: tuple[str, ...] = ()
    is_far: bool = False  # the operator knows that the station is far away, and wants it


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table of waters as it stands there."""

    line: int
    at: datetime
    kind: Turn | None
    height_m: float | None


def read_waters(path: Path) -> list[Water]:
    """The waters of a table, in order. Raises InvalidInputError with every row that is wrong."""
    table = open_table(path)
    places = find_columns(table.header, COLUMNS)
    if "time" not in places:
        raise refused_tides([], "缺少 time 列（时间，如 2026-04-20 05:31）。", "There is no column"
            " “time” (such as 2026-04-20 05:31).")  # fmt: skip
    lines: list[Line] = []
    errors: list[FieldError] = []
    for row in table.rows():
        if isinstance(row, BadRow):
            errors.append(FieldError(f"rows[{row.line}]", row.message))
        else:
            cells = {
                name: row.cells[place].strip() if place < len(row.cells) else ""
                for name, place in places.items()
            }
            read = _read_line(row.line, cells)
            if isinstance(read, Line):
                lines.append(read)
            else:
                errors.append(FieldError(f"rows[{row.line}]", read))
        if len(errors) >= MAX_ERRORS:
            break
    if not errors:
        waters = _waters_of(sorted(lines, key=lambda one: one.at), errors)
    if errors:
        raise refused_tides(errors)
    return waters


def _read_line(line: int, cells: Mapping[str, str]) -> Line | Text:
    written = f"{cells['date']}T{cells['time']}" if cells.get("date") else cells["time"]
    moment = read_moment(written)
    if isinstance(moment, Refusal):
        return moment.message
    if not isinstance(moment, Moment) or not moment.has_time:
        return Text(
            f"“{written[:40]}”没有时刻。请写成 2026-04-20 05:31。",
            f"“{written[:40]}” has no time of day. Write 2026-04-20 05:31.",
        )
    height = _height(cells)
    if isinstance(height, Text):
        return height
    word = cells.get("type", "").casefold()
    if word and word not in TURN_WORDS:
        return Text(
            f"“{word[:40]}”不是潮型。请写 high 或 low（高潮、低潮）。",
            f"“{word[:40]}” is neither high nor low water. Write high or low.",
        )
    return Line(line, moment.at, TURN_WORDS.get(word), height)


def _height(cells: Mapping[str, str]) -> float | Text | None:
    column = "height" if cells.get("height") else "height_cm"
    text = cells.get(column, "")
    if not text:
        return None
    try:
        metres = float(text) / (100 if column == "height_cm" else 1)
    except ValueError:
        metres = float("nan")
    if not isfinite(metres) or abs(metres) > MAX_HEIGHT_M:
        return Text(
            f"潮高“{text[:40]}”读不了。height 以米计，height_cm 以厘米计。",
            f"The height “{text[:40]}” cannot be read. `height` is in metres, `height_cm` in"
            " centimetres.",
        )
    return metres


def _waters_of(lines: Sequence[Line], errors: list[FieldError]) -> list[Water]:
    """The lines as waters that turn from high to low and back; what is not goes to `errors`."""
    if len(lines) < 2:
        errors.append(
            FieldError(
                "rows",
                Text("潮汐表至少要有两行。", "A tide table has at least two rows."),
            )
        )
        return []
    waters: list[Water] = []
    for place, one in enumerate(lines):
        kind = one.kind or _kind(lines, place)
        fault = _fault(waters[-1] if waters else None, one, kind)
        if fault:
            errors.append(FieldError(f"rows[{one.line}]", fault))
            if len(errors) >= MAX_ERRORS:
                return waters
        if kind:
            waters.append(Water(one.at, kind, one.height_m))
    return waters


def _kind(lines: Sequence[Line], place: int) -> Turn | None:
    """High or low by the heights beside it, where the table does not say."""
    own = lines[place].height_m
    beside = [lines[near].height_m for near in (place - 1, place + 1) if 0 <= near < len(lines)]
    if own is None:
        return None
    heights = [height for height in beside if height is not None]
    if not heights or len(heights) < len(beside):
        return None
    if all(own > height for height in heights):
        return "high"
    return "low" if all(own < height for height in heights) else None


def _fault(last: Water | None, one: Line, kind: Turn | None) -> Text | None:
    if kind is None:
        return Text(
            "看不出是高潮还是低潮。请加一列 type，写 high 或 low。",
            "It cannot be told whether this is high or low water. Add a column “type” with high"
            " or low.",
        )
    if last is None or one.at - last.at > MAX_GAP:
        return None  # a hole in the table begins anew
    if one.at == last.at:
        return Text("同一时刻出现两次。请删去一行。", "This moment stands twice. Remove a row.")
    if kind == last.kind:
        return Text(
            "与上一行同为高潮或同为低潮，中间缺一行，或时间写错。",
            "This and the row before are both high or both low: a row is missing between, or a"
            " time is wrong.",
        )
    if last.height_m is not None and one.height_m is not None:
        high, low = (one, last) if kind == "high" else (last, one)
        if (high.height_m or 0) < (low.height_m or 0):
            return Text(
                "高潮比相邻的低潮还低。请核对潮高和潮型。",
                "This high water is lower than the low water beside it. Check heights and types.",
            )
    return None


def read_constants(
    path: Path, request: TideRequest, named: tuple[str, ...], sites: Mapping[str, Site]
) -> tuple[Station, float, tuple[str, ...]]:
    """The station, how far it is from the sites in km, and the constituents left out."""
    given = _choose(_read_json(path), request.station)
    constants: list[Constituent] = []
    left_out: list[str] = []
    waves = given.get("harmonic_constituents")
    for one in waves if isinstance(waves, list) else ():
        constituent = _constituent(one)
        if constituent is None:
            left_out.append(str(one.get("name", "?"))[:20] if isinstance(one, dict) else "?")
        else:
            constants.append(constituent)
    if not any(one.name in ("M2", "K1", "O1") for one in constants):
        raise refused_tides([], "站中没有可用的主要分潮（M2、K1、O1）。", "The station has none of the"
            " main constituents (M2, K1, O1).")  # fmt: skip
    datums = given.get("datums")
    datum = str(given.get("chart_datum") or "")
    level = _level(datums, datum)
    name = request.name or str(given.get("name") or path.stem)
    licence = given.get("license")
    kind = f" ({licence.get('type')})" if isinstance(licence, dict) and "type" in licence else ""
    told = given.get("source")
    told = f"{told.get('name')} {told.get('id')}{kind}" if isinstance(told, dict) else path.name
    station = Station(
        id=id_of(request.station or str(given.get("id") or name)),
        name=clean(name, 80),
        source=clean(request.source or told, 200),
        datum=clean(request.datum or (datum if level else "MSL"), 60),
        sites=named,
        constants=tuple(constants),
        level_m=level or 0.0,
    )
    return (
        station,
        _distance(given, [sites[one] for one in named] or sites.values()),
        tuple(left_out),
    )


def _read_json(path: Path) -> object:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise refused_tides([], "文件超过 16 MB。请只留需要的站。", "The file is larger than 16 MB."
                " Leave only the stations that are needed.")  # fmt: skip
        return json.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(
            "tides.unreadable",
            zh=f"打不开文件 {path.name}：{error.strerror}。",
            en=f"The file {path.name} cannot be opened: {error.strerror}.",
        ) from None
    except (ValueError, RecursionError):
        raise refused_tides([], "文件不是 JSON。", "The file is not JSON.") from None


def _choose(document: object, wanted: str) -> Mapping[str, Any]:
    """The station meant: the only one, or the one of this id or name."""
    listed = document if isinstance(document, list) else [document]
    stations = [one for one in listed if isinstance(one, dict) and "harmonic_constituents" in one]
    if wanted:
        key = wanted.casefold()
        stations = [
            one
            for one in stations
            if key in (str(one.get("id", "")).casefold(), str(one.get("name", "")).casefold())
        ]
    if len(stations) == 1:
        chosen: Mapping[str, Any] = stations[0]
        return chosen
    names = ", ".join(
        str(one.get("name", "?"))[:40] for one in listed[:20] if isinstance(one, dict)
    )
    raise refused_tides(
        [],
        f"请用 --station 选一个站。文件中有：{names or '（无）'}。",
        f"Choose one station by --station. The file has: {names or '(none)'}.",
    )


def _constituent(one: object) -> Constituent | None:
    if not isinstance(one, dict):
        return None
    name, size, phase = (one.get(key) for key in ("name", "amplitude", "phase"))
    known = known_name(name) if isinstance(name, str) else None
    if known is None or not isinstance(size, int | float) or not isinstance(phase, int | float):
        return None
    if not (isfinite(size) and isfinite(phase) and 0 <= size <= MAX_HEIGHT_M):
        return None
    return Constituent(known, float(size), float(phase))


def _level(datums: object, datum: str) -> float | None:
    """How high the mean sea level stands above the datum, where the file says both."""
    if not isinstance(datums, dict):
        return None
    mean, base = datums.get("MSL"), datums.get(datum)
    if isinstance(mean, int | float) and isinstance(base, int | float):
        return round(mean - base, 3)
    return None


def _distance(given: Mapping[str, Any], sites: Iterable[Site]) -> float:
    """Kilometres to the nearest of these sites; 0 where either has no position."""
    lat, lon = given.get("latitude"), given.get("longitude")
    if not isinstance(lat, int | float) or not isinstance(lon, int | float):
        return 0.0
    points = [point for site in sites if (point := middle_of(site.geometry))]
    return min((_km(Point(lat, lon), point) for point in points), default=0.0)


def _km(one: Point, other: Point) -> float:
    lat_1, lat_2 = radians(one.lat), radians(other.lat)
    half = sin((lat_2 - lat_1) / 2) ** 2
    half += cos(lat_1) * cos(lat_2) * sin(radians(other.lon - one.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


def id_of(name: str) -> str:
    """The id of a station of this name."""
    return re.sub(r"[^\w-]+", "-", name.strip().casefold())[:80].strip("-") or "station"


def refused_tides(errors: Sequence[FieldError], zh: str = "", en: str = "") -> InvalidInputError:
    """The error of a tide file with these rows wrong."""
    return InvalidInputError(
        "tides.invalid",
        zh=zh or f"潮汐表没有导入，有 {len(errors)} 行需要改正。",
        en=en or f"The tide table was not imported: {len(errors)} rows need correcting.",
        errors=tuple(errors),
    )

"""The tide as a sum of harmonic constituents: height at a moment, and the high and low waters.

Arguments are Doodson's, with mean longitudes after Meeus (Astronomical Algorithms, 1998) and the
nodal corrections of the IHO Tidal Committee's standard list. Phases are Greenwich phase lags in
degrees, amplitudes metres, time is UTC: as TICON publishes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import atan2, cos, degrees, hypot, radians, sin
from typing import Final, TypeAlias

Doodson: TypeAlias = tuple[int, int, int, int, int, int, int]  # tau s h p N' p1, quarter turns
Nodal: TypeAlias = tuple[float, float]  # factor of the amplitude, and degrees on the phase
J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
CENTURY_H: Final = 36525 * 24
STEP_H: Final = 0.25
HOURS: Final = 24
ORDERS: Final[dict[str, Doodson]] = {
    "SA": (0, 0, 1, 0, 0, 0, 0), "SSA": (0, 0, 2, 0, 0, 0, 0), "MM": (0, 1, 0, -1, 0, 0, 0),
    "MSF": (0, 2, -2, 0, 0, 0, 0), "MF": (0, 2, 0, 0, 0, 0, 0), "MTM": (0, 3, 0, -1, 0, 0, 0),
    "MSQM": (0, 4, -2, 0, 0, 0, 0), "2Q1": (1, -3, 0, 2, 0, 0, 1),
    "SIGMA1": (1, -3, 2, 0, 0, 0, 1), "Q1": (1, -2, 0, 1, 0, 0, 1),
    "RHO1": (1, -2, 2, -1, 0, 0, 1), "O1": (1, -1, 0, 0, 0, 0, 1), "M1": (1, 0, 0, 1, 0, 0, -1),
    "P1": (1, 1, -2, 0, 0, 0, 1), "S1": (1, 1, -1, 0, 0, 0, 0), "K1": (1, 1, 0, 0, 0, 0, -1),
    "J1": (1, 2, 0, -1, 0, 0, -1), "OO1": (1, 3, 0, 0, 0, 0, -1), "EPS2": (2, -3, 2, 1, 0, 0, 0),
    "2N2": (2, -2, 0, 2, 0, 0, 0), "MU2": (2, -2, 2, 0, 0, 0, 0), "N2": (2, -1, 0, 1, 0, 0, 0),
    "NU2": (2, -1, 2, -1, 0, 0, 0), "M2": (2, 0, 0, 0, 0, 0, 0), "MKS2": (2, 0, 2, 0, 0, 0, 0),
    "LAMBDA2": (2, 1, -2, 1, 0, 0, -2), "L2": (2, 1, 0, -1, 0, 0, -2),
    "T2": (2, 2, -3, 0, 0, 1, 0), "S2": (2, 2, -2, 0, 0, 0, 0), "R2": (2, 2, -1, 0, 0, -1, -2),
    "K2": (2, 2, 0, 0, 0, 0, 0), "2SM2": (2, 4, -4, 0, 0, 0, 0), "M3": (3, 0, 0, 0, 0, 0, -2),
    "MN4": (4, -1, 0, 1, 0, 0, 0), "M4": (4, 0, 0, 0, 0, 0, 0), "MS4": (4, 2, -2, 0, 0, 0, 0),
    "S4": (4, 4, -4, 0, 0, 0, 0), "N4": (4, -2, 0, 2, 0, 0, 0), "M6": (6, 0, 0, 0, 0, 0, 0),
    "2MS6": (6, 2, -2, 0, 0, 0, 0), "M8": (8, 0, 0, 0, 0, 0, 0), "MA2": (2, 0, -1, 0, 0, 0, 0),
    "MB2": (2, 0, 1, 0, 0, 0, 0), "S3": (3, 3, -3, 0, 0, 0, -2), "T3": (3, 3, -4, 0, 0, 0, 0),
    "R3": (3, 3, -2, 0, 0, 0, -1), "2MK5": (5, 1, 0, 0, 0, 0, -1), "2MO5": (5, -1, 0, 0, 0, 0, 1),
}  # fmt: skip
ALIASES: Final = {
    "EP2": "EPS2", "LAM2": "LAMBDA2", "SGM": "SIGMA1", "SIG1": "SIGMA1", "RHO": "RHO1",
    "MFM": "MTM",
}  # fmt: skip
# Whose nodal corrections each takes, and how often; those of the sun alone have none.
MADE_OF: Final[dict[str, dict[str, float]]] = {
    **{name: {"M2": 1} for name in ("N2", "2N2", "MU2", "NU2", "EPS2", "LAMBDA2", "MS4", "M2")},
    **{name: {"O1": 1} for name in ("Q1", "2Q1", "SIGMA1", "RHO1", "O1")},
    **{name: {name: 1} for name in ("MM", "MF", "K1", "J1", "K2", "L2", "M1")},
    **{name: {"M2": -1} for name in ("MSF", "MSQM", "2SM2")},
    **{name: {"M2": 2} for name in ("M4", "MN4", "N4", "2MS6")},
    "MTM": {"MM": 1}, "OO1": {"K2": 1, "O1": -1}, "MKS2": {"M2": 1, "K2": 1}, "M3": {"M2": 1.5},
    "M6": {"M2": 3}, "M8": {"M2": 4}, "R3": {"K1": 1}, "2MK5": {"M2": 2, "K1": 1},
    "2MO5": {"M2": 2, "O1": 1},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Constituent:
    """One wave of the tide at one place."""

    name: str
    amplitude_m: float
    phase_deg: float


def known_name(name: str) -> str | None:
    """The name under which a constituent is known here; None: it cannot be computed."""
    upper = name.strip().upper()
    upper = ALIASES.get(upper, upper)
    return upper if upper in ORDERS else None


def height_at(constants: Iterable[Constituent], at: datetime) -> float:
    """Metres above the mean sea level of these constants."""
    waves = _waves(tuple(constants), at.astimezone(UTC).date())
    return _height(waves, _hours(at))


@lru_cache(maxsize=512)
def turns_of_day(
    constants: tuple[Constituent, ...], day: date
) -> tuple[tuple[datetime, float, bool], ...]:
    """The high (True) and low waters of one day of UTC, with their heights."""
    waves = _waves(constants, day)
    midnight = datetime.combine(day, time.min, UTC)
    found = []
    for step in range(int(HOURS / STEP_H)):
        start, end = step * STEP_H, (step + 1) * STEP_H
        before, after = _slope(waves, start), _slope(waves, end)
        if (before > 0) != (after > 0):
            hour = _zero(waves, start, end, before)
            moment = midnight + timedelta(seconds=round(hour * 3600))
            found.append((moment, _height(waves, hour), before > 0))
    return tuple(found)


Wave: TypeAlias = tuple[float, float, float]  # metres, degrees at midnight, degrees an hour


def _waves(constants: tuple[Constituent, ...], day: date) -> Sequence[Wave]:
    """The waves of one day: what the sun, the moon and her node make of each constituent."""
    midnight = datetime.combine(day, time.min, UTC)
    centuries = (midnight - J2000) / timedelta(hours=CENTURY_H)
    noon = centuries + 12 / CENTURY_H
    places, speeds = _longitudes(centuries)
    nodal = _nodal(noon)
    waves = []
    for one in constants:
        order = ORDERS[one.name]
        factor, shift = _correction(MADE_OF.get(one.name, {}), nodal)
        angle = sum(n * place for n, place in zip(order, (*places, 90.0), strict=True))
        speed = sum(n * rate for n, rate in zip(order[:6], speeds, strict=True))
        waves.append((one.amplitude_m * factor, angle + shift - one.phase_deg, speed))
    return waves


def _longitudes(centuries: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """tau, s, h, p, N', p1 at this midnight in degrees, and how fast each grows an hour."""
    terms = (
        (218.3164477, 481267.88123421),
        (280.46646, 36000.76983),
        (83.3532465, 4069.0137287),
        (-125.04452, 1934.136261),
        (282.93735, 1.71946),
    )
    s, h, p, node, perihelion = (start + rate * centuries for start, rate in terms)
    rates = [rate / CENTURY_H for _, rate in terms]
    # The hour angle of the mean sun is 180 degrees at midnight.
    return (180 + h - s, s, h, p, node, perihelion), (15 + rates[1] - rates[0], *rates)


def _nodal(centuries: float) -> Mapping[str, Nodal]:
    """Factors and phases by the place of the moon's node, after the IHO's list."""
    n = radians(125.04452 - 1934.136261 * centuries)
    p = radians(83.3532465 + 4069.0137287 * centuries)
    return {
        "MM": (1 - 0.1311 * cos(n) + 0.0538 * cos(2 * p) + 0.0205 * cos(2 * p - n), 0.0),
        "MF": (
            1.084 + 0.415 * cos(n) + 0.039 * cos(2 * n),
            -23.7 * sin(n) + 2.7 * sin(2 * n) - 0.4 * sin(3 * n),
        ),
        "O1": (
            1.0176 + 0.1871 * cos(n) - 0.0147 * cos(2 * n),
            10.8 * sin(n) - 1.34 * sin(2 * n) + 0.19 * sin(3 * n),
        ),
        "K1": (
            1.006 + 0.115 * cos(n) - 0.0088 * cos(2 * n) + 0.0006 * cos(3 * n),
            -8.86 * sin(n) + 0.68 * sin(2 * n) - 0.07 * sin(3 * n),
        ),
        "J1": (
            1.1029 + 0.1676 * cos(n) - 0.017 * cos(2 * n) + 0.0016 * cos(3 * n),
            -12.94 * sin(n) + 1.34 * sin(2 * n) - 0.19 * sin(3 * n),
        ),
        "M2": (1.0007 - 0.0373 * cos(n) + 0.0002 * cos(2 * n), -2.14 * sin(n)),
        "K2": (
            1.0246 + 0.2863 * cos(n) + 0.0083 * cos(2 * n) - 0.0015 * cos(3 * n),
            -17.74 * sin(n) + 0.68 * sin(2 * n) - 0.04 * sin(3 * n),
        ),
        "M1": _from_parts(sin(p) + 0.2 * sin(p - n), 2 * (cos(p) + 0.2 * cos(p - n))),
        "L2": _from_parts(
            -0.2505 * sin(2 * p)
            - 0.1102 * sin(2 * p - n)
            - 0.0156 * sin(2 * p - 2 * n)
            - 0.037 * sin(n),
            1
            - 0.2505 * cos(2 * p)
            - 0.1102 * cos(2 * p - n)
            - 0.0156 * cos(2 * p - 2 * n)
            - 0.037 * cos(n),
        ),
    }


def _from_parts(sine: float, cosine: float) -> Nodal:
    return hypot(sine, cosine), degrees(atan2(sine, cosine))


def _correction(parts: Mapping[str, float], nodal: Mapping[str, Nodal]) -> Nodal:
    factor, shift = 1.0, 0.0
    for name, times in parts.items():
        factor *= nodal[name][0] ** abs(times)
        shift += nodal[name][1] * times
    return factor, shift


def _hours(at: datetime) -> float:
    moment = at.astimezone(UTC)
    return moment.hour + moment.minute / 60 + (moment.second + moment.microsecond / 1e6) / 3600


def _height(waves: Sequence[Wave], hour: float) -> float:
    return sum(size * cos(radians(angle + speed * hour)) for size, angle, speed in waves)


def _slope(waves: Sequence[Wave], hour: float) -> float:
    return -sum(size * speed * sin(radians(angle + speed * hour)) for size, angle, speed in waves)


def _zero(waves: Sequence[Wave], start: float, end: float, first: float) -> float:
    """Where the slope is zero between these hours, to a second, by halving."""
    while end - start > 1 / 3600:
        middle = (start + end) / 2
        slope = _slope(waves, middle)
        if (slope > 0) == (first > 0):
            start = middle
        else:
            end = middle
    return (start + end) / 2

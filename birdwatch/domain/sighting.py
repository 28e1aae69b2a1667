"""One species in one survey: how many, how that was obtained, and what makes it acceptable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from birdwatch.domain.faults import Faults, read_word
from birdwatch.domain.ids import is_id
from birdwatch.domain.policy import Status
from birdwatch.domain.season import Phase
from birdwatch.domain.sensitivity import BEHAVIOURS, Behaviour, Level, is_protected
from birdwatch.domain.species import Species, SpeciesIndex, unknown_species
from birdwatch.domain.written import Refusal, clean, is_blank, read_count, read_names

Method = Literal["counted", "estimated", "from_photo", "present"]
METHODS: tuple[Method, ...] = ("counted", "estimated", "from_photo", "present")
MAX_COUNT = 2_000_000  # more than all shorebirds of the flyway's single largest gathering
MAX_SIGHTINGS: Final = 1000  # of one survey
MAX_PHOTOS: Final = 500  # of one sighting
METHOD_WORDS: Final[dict[str, Method]] = {
    **{word: word for word in METHODS},
    "计数": "counted", "清点": "counted", "估计": "estimated", "估数": "estimated",
    "照片": "from_photo", "由照片": "from_photo", "仅见": "present", "见到": "present",
    "出现": "present",
}  # fmt: skip
BEHAVIOUR_WORDS: Final[dict[str, Behaviour]] = {
    **{word: word for word in BEHAVIOURS if word},
    "觅食": "feeding", "取食": "feeding", "停歇": "roost", "休息": "roost", "roosting": "roost",
    "营巢": "nest", "繁殖": "nest", "nesting": "nest", "飞行": "flying", "飞过": "flying",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sighting:
    """One species in one survey. `best` None with method `present`: seen, not counted.

    low <= best <= high. best 0: looked for and not found.
    """

    id: str
    survey_id: str
    species: str
    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str = ""
    photos: tuple[str, ...] = ()
    site: str = ""
    day: date | None = None
    season: str | None = None
    phase: Phase = "unknown"
    dekad: str | None = None
    version: int = 0
    behaviour: Behaviour = ""
    status: Status = "published"
    flags: tuple[str, ...] = ()  # codes of domain.review: why it waits
    level: Level = "0.01"

    @property
    def is_public(self) -> bool:
        """Whether everyone may know of it, where its survey is public."""
        return self.status == "published" and not is_protected(self.level)

    def again(self) -> NewSighting:
        """What stands, to be written once more with changes."""
        return NewSighting(
            species=self.species,
            low=self.low,
            best=self.best,
            high=self.high,
            method=self.method,
            note=self.note,
            photos=self.photos,
            id=self.id,
            behaviour=self.behaviour,
            status=self.status,
            flags=self.flags,
            level=self.level,
        )


@dataclass(frozen=True, slots=True)
class NewSighting:
    """A checked sighting, not stored yet. `id` None: a new one."""

    species: str
    low: int | None
    best: int | None
    high: int | None
    method: Method
    note: str = ""
    photos: tuple[str, ...] = ()
    id: str | None = None
    behaviour: Behaviour = ""
    status: Status = "published"
    flags: tuple[str, ...] = ()
    level: Level = "0.01"

    @property
    def is_public(self) -> bool:
        """Whether everyone may know of it, where its survey is public."""
        return self.status == "published" and not is_protected(self.level)


def check_sightings(
    value: object, species: SpeciesIndex, faults: Faults
) -> tuple[NewSighting, ...]:
    """The sightings of a survey as given; faults are named `sightings[0].best` and so on."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)):
        faults.add("sightings", "sightings.invalid", "须为列表。", "This must be a list.")
        return ()
    if len(value) > MAX_SIGHTINGS:
        faults.add(
            "sightings", "sightings.too_many",
            f"一次调查最多 {MAX_SIGHTINGS} 行。", f"A survey has at most {MAX_SIGHTINGS} rows.",
        )  # fmt: skip
        return ()
    checked: list[NewSighting] = []
    rows: dict[str, int] = {}
    for index, row in enumerate(value):
        at = f"sightings[{index}]"
        if not isinstance(row, Mapping):
            faults.add(at, "sighting.invalid", "须为对象。", "This must be an object.")
            continue
        if is_blank_sighting(row):
            continue
        sighting = _sighting(row, at, species, faults)
        if sighting is None:
            continue
        if sighting.species in rows:
            faults.add(
                f"{at}.species", "species.twice",
                f"该物种已在第 {rows[sighting.species] + 1} 行。请合并为一行。",
                f"This species is already in row {rows[sighting.species] + 1}. Make them one row.",
            )  # fmt: skip
        rows.setdefault(sighting.species, index)
        checked.append(sighting)
    return tuple(checked)


def is_blank_sighting(row: Mapping[str, object]) -> bool:
    """An empty row of a form: no species, no number, no note."""
    if row.get("species") and not is_blank(row.get("species")):
        return False
    return all(is_blank(row.get(name)) for name in ("species", "low", "best", "high", "note"))


def _sighting(
    row: Mapping[str, object], at: str, index: SpeciesIndex, faults: Faults
) -> NewSighting | None:
    known = len(faults.errors)
    species = _species(row.get("species"), at, index, faults)
    numbers = _Numbers(
        _count(row.get("low"), at, "low", faults),
        _count(row.get("best"), at, "best", faults),
        _count(row.get("high"), at, "high", faults),
    )
    method = _method(row.get("method"), at, faults)
    behaviour = read_word(row.get("behaviour"), f"{at}.behaviour", BEHAVIOUR_WORDS, faults)
    photos = _photos(row.get("photos"), at, faults)
    if len(faults.errors) > known or species is None:
        return None
    if not _are_consistent(numbers, method, at, faults):
        return None
    low, best, high = numbers.filled()
    given = row.get("id")
    return NewSighting(
        species=species.code,
        low=low,
        best=best,
        high=high,
        method=method or ("counted" if low == high else "estimated"),
        note=clean(row.get("note")),
        photos=photos,
        id=given if isinstance(given, str) and is_id(given) else None,
        behaviour=behaviour or "",
    )


def _count(value: object, at: str, name: str, faults: Faults) -> int | None:
    number = read_count(value, MAX_COUNT)
    if isinstance(number, Refusal):
        faults.refuse(f"{at}.{name}", number)
        return None
    return number


@dataclass(frozen=True, slots=True)
class _Numbers:
    """low, best and high as written."""

    low: int | None
    best: int | None
    high: int | None

    def filled(self) -> tuple[int | None, int | None, int | None]:
        """With what follows: best alone bounds itself; low alone is the best, and high open."""
        if self.best is None:
            return self.low, self.low, None
        low = self.best if self.low is None else self.low
        return low, self.best, self.best if self.high is None else self.high


def _are_consistent(numbers: _Numbers, method: Method | None, at: str, faults: Faults) -> bool:
    known = len(faults.errors)
    low, best, high = numbers.low, numbers.best, numbers.high
    if method == "present":
        _check_present(numbers, at, faults)
    elif best is None and high is not None:
        faults.add(
            f"{at}.best", "best.missing",
            "请在 best 写出最可能的数。", "Put the most likely number into best.",
        )  # fmt: skip
    elif best is None and low is None:
        faults.add(
            f"{at}.best", "best.missing",
            "请写数量；没有找到写 0；看到但没有计数请把方法写成 present。",
            "Give the number; 0 for looked for and not found; for seen but not counted set method"
            " to present.",
        )  # fmt: skip
    elif best == 0 and high:
        faults.add(
            f"{at}.high", "zero.conflict",
            "best 为 0 表示没有找到，high 也须为 0 或留空。",
            "best 0 means not found: high must be 0 or empty.",
        )  # fmt: skip
    for small, large in (("low", "best"), ("best", "high"), ("low", "high")):
        first, second = getattr(numbers, small), getattr(numbers, large)
        if first is not None and second is not None and first > second:
            faults.add(
                f"{at}.{small}", "range.order",
                f"{small}（{first}）大于 {large}（{second}）。须为 low ≤ best ≤ high。",
                f"{small} ({first}) is above {large} ({second}). It must be low ≤ best ≤ high.",
            )  # fmt: skip
            break
    return len(faults.errors) == known


def _check_present(numbers: _Numbers, at: str, faults: Faults) -> None:
    """`present` is seen and not counted, so it goes with no number at all."""
    for name in ("best", "low", "high"):
        number = getattr(numbers, name)
        if number == 0:
            faults.add(
                f"{at}.{name}", "present.zero",
                "“见到”与 0 矛盾：没有找到请把方法写成 counted；见到请删去 0。",
                "Present and 0 contradict: for not found set method to counted; for seen remove"
                " the 0.",
            )  # fmt: skip
        elif number is not None:
            faults.add(
                f"{at}.{name}", "present.number",
                "present 表示没有计数。有数量请把方法写成 counted 或 estimated。",
                "present means not counted. With a number set method to counted or estimated.",
            )  # fmt: skip
        if number is not None:
            return


def _species(value: object, at: str, index: SpeciesIndex, faults: Faults) -> Species | None:
    name = clean(value, 200)
    if not name:
        faults.add(f"{at}.species", "species.missing", "请填写物种。", "Give the species.")
        return None
    species = index.find(name)
    if species is None:
        message = unknown_species(name, index.near(name))
        faults.add(f"{at}.species", "species.unknown", message.zh, message.en)
    return species


def _method(value: object, at: str, faults: Faults) -> Method | None:
    return read_word(value, f"{at}.method", METHOD_WORDS, faults)


def _photos(value: object, at: str, faults: Faults) -> tuple[str, ...]:
    photos = read_names(value)
    for photo in photos:
        if not is_id(photo):
            faults.add(
                f"{at}.photos", "photos.unknown",
                f"“{photo[:40]}”不是照片编号。请从照片页的网址复制。",
                f"“{photo[:40]}” is not a photo's id. Copy it from the address of its page.",
            )  # fmt: skip
    if len(photos) > MAX_PHOTOS:
        faults.add(
            f"{at}.photos", "photos.too_many",
            f"最多 {MAX_PHOTOS} 张照片。", f"At most {MAX_PHOTOS} photos.",
        )  # fmt: skip
    return photos

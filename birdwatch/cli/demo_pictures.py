"""What the demonstration's pictures show: three springs of light, flocks and tides, and who took them.

All names and cameras are made up: a drawn picture must not carry a real photographer's credit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from random import Random

from birdwatch.domain.photo import Camera
from birdwatch.domain.place import Point
from birdwatch.domain.text import Text
from birdwatch.imaging.scenery import Scene, Shot
from birdwatch.imaging.scenery_birds import Flight
from birdwatch.imaging.scenery_lights import Ground

ZONE = timezone(timedelta(hours=8))
SEED = 20260425


@dataclass(frozen=True, slots=True)
class Picture:
    """One file of the demonstration, and the words it comes in with."""

    name: str
    scene: Scene
    shot: Shot
    caption: Text
    credit: str
    license: str
    species: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Idea:
    """One line of the list below: when, where, and what is to be seen."""

    when: str  # 2026-04-25 18:21
    site: str
    species: str
    light: str
    flight: Flight
    birds: int
    ground: Ground = "sea"
    standing: int = 0
    shape: str = "wide"  # wide, tall, long, square
    number: int | None = None


PLACES: dict[str, tuple[Point, str, str]] = {
    "sidaogou": (Point(40.6648, 122.1412), "四道沟", "Sidaogou"),
    "gaizhou-xihai": (Point(40.4723, 122.2214), "盖州西海", "Gaizhou Xihai"),
    "gaizhou-beihai": (Point(40.5508, 122.1976), "盖州北海", "Gaizhou Beihai"),
    "yongyuanjiao": (Point(40.7079, 122.1627), "永远角", "Yongyuanjiao"),
    "yingkou-xihaian": (Point(40.6171, 122.1198), "营口西海岸", "the Yingkou west coast"),
    "liaobin": (Point(40.7246, 122.0061), "辽滨西滩", "the Liaobin flats"),
    "honghaitan": (Point(40.8522, 121.8229), "红海滩", "Honghaitan"),
    "bayuquan": (Point(40.2964, 122.0817), "鲅鱼圈", "Bayuquan"),
}
BIRDS: dict[str, tuple[str, str]] = {
    "batgod": ("斑尾塍鹬", "Bar-tailed Godwits"),
    "grekno": ("大滨鹬", "Great Knots"),
    "faecur": ("大杓鹬", "Far Eastern Curlews"),
    "dunlin": ("黑腹滨鹬", "Dunlins"),
    "kenplo1": ("环颈鸻", "Kentish Plovers"),
    "comshe": ("翘鼻麻鸭", "Common Shelducks"),
    "saugul2": ("黑嘴鸥", "Saunders's Gulls"),
    "bktgod": ("黑尾塍鹬", "Black-tailed Godwits"),
    "bkbplo": ("灰鸻", "Grey Plovers"),
    "eurcur": ("白腰杓鹬", "Eurasian Curlews"),
    "rensti": ("红颈滨鹬", "Red-necked Stints"),
    "pieavo1": ("反嘴鹬", "Pied Avocets"),
}
HOURS: dict[str, tuple[str, str]] = {
    "dawn": ("清晨", "At first light"),
    "gold": ("夕阳下", "In the last sun"),
    "noon": ("晴空下", "Under a clear sky"),
    "storm": ("雨云压境", "Under rain clouds"),
    "dusk": ("日落时分", "At sunset"),
    "moon": ("月光下", "By moonlight"),
    "mist": ("晨雾里", "In the morning mist"),
    "silver": ("薄云下", "Under thin cloud"),
}
ACTS: dict[str, tuple[str, str]] = {
    "wave": ("在{}上空集群飞行，形成“鸟浪”", "turn as one over {}: the bird wave"),
    "ribbon": ("像飘带一样掠过{}", "stream past {} in long ribbons"),
    "line": ("排成长列飞过{}", "pass {} in long skeins"),
    "rising": ("从{}的滩涂上成群飞起", "rise from the flats of {}"),
    "cloud": ("在{}上空聚散成云", "gather and part like a cloud over {}"),
    "few": ("贴着{}的水面飞过", "skim the water off {}"),
}
RESTING = (
    "潮水退去，{}在{}的滩涂上觅食、歇息。",
    "{} feed and rest on the flats of {} at low tide.",
)
CREDITS = (
    "摄/林听潮",
    "摄/沈知渔",
    "摄/顾晚汀",
    "摄/苏鸣野",
    "文/江望舒 摄/林听潮",
    "摄影:叶归洲",
    "Photo: Mira Tidewell",
)
LICENSES = ("CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-SA-4.0", "all-rights-reserved")
CAMERAS = (
    Camera("Harrier", "HX-7", "Harrier 500mm F5.6 Tele", "1/2000", "5.6", "400", "500"),
    Camera("Harrier", "HX-7", "Harrier 70-200mm F2.8", "1/1250", "4", "320", "135"),
    Camera(
        "Kestrel Optics", "K1 Mark II", "Kestrel 100-400mm F4.5-6.3", "1/1600", "6.3", "640", "400"
    ),
    Camera("Kestrel Optics", "K1 Mark II", "Kestrel 24-105mm F4", "1/640", "8", "200", "62"),
    Camera("Shorebird", "Pocket 3", "Shorebird 9mm F1.8", "1/900", "1.8", "80", "9"),
)
SLOW = {"moon": ("1/60", "6400"), "dusk": ("1/500", "1600"), "storm": ("1/1000", "1000")}
SHAPES = {"wide": (2160, 1440), "tall": (1440, 1800), "long": (2160, 1080), "square": (1710, 1440)}
FOUNDING = Text(
    "4月25日傍晚，大滨鹬在大辽河入海口四道沟滩涂上空集群飞行，形成壮观的“鸟浪”。"
    "4月上旬到5月上旬是鸻鹬类候鸟迁徙途中停驻这里的高峰期。",
    "On the evening of 25 April, Great Knots wheel over the flats of Sidaogou at the mouth of the"
    " Daliao River. From early April to early May the shorebirds on migration are at their peak here.",
)
FOUNDING_TIME = "2026-04-25 18:21"
FOUNDING_CREDIT = "文/江望舒 摄/顾晚汀"

IDEAS: tuple[Idea, ...] = (
    # 2024
    Idea("2024-03-16 09:40", "liaobin", "comshe", "silver", "line", 70, "flat", 160),
    Idea("2024-03-30 17:52", "sidaogou", "faecur", "gold", "line", 110),
    Idea("2024-04-06 05:58", "gaizhou-beihai", "batgod", "dawn", "ribbon", 1100),
    Idea("2024-04-13 10:25", "yongyuanjiao", "kenplo1", "noon", "few", 14, "flat", 240),
    Idea("2024-04-20 18:14", "sidaogou", "batgod", "dusk", "wave", 2600, shape="long"),
    Idea("2024-04-22 05:31", "gaizhou-xihai", "grekno", "mist", "rising", 1900, "shallows"),
    Idea("2024-04-22 15:05", "gaizhou-xihai", "grekno", "storm", "cloud", 3200, "flat"),
    Idea("2024-04-27 17:46", "yingkou-xihaian", "grekno", "gold", "wave", 2400),
    Idea("2024-05-04 11:10", "sidaogou", "dunlin", "noon", "wave", 2200, "shallows"),
    Idea("2024-05-11 05:12", "gaizhou-beihai", "bkbplo", "dawn", "line", 90, shape="tall"),
    # 2025
    Idea("2025-03-15 10:02", "honghaitan", "saugul2", "silver", "few", 12, "shallows", 120),
    Idea("2025-03-29 06:10", "yongyuanjiao", "eurcur", "mist", "line", 80, "flat"),
    Idea("2025-04-05 17:40", "sidaogou", "batgod", "gold", "ribbon", 900, shape="tall"),
    Idea("2025-04-12 09:15", "gaizhou-xihai", "faecur", "noon", "rising", 260, "flat", 220),
    Idea("2025-04-16 18:06", "liaobin", "bktgod", "dusk", "line", 220),
    Idea("2025-04-19 14:20", "sidaogou", "grekno", "storm", "wave", 3400),
    Idea("2025-04-22 05:20", "gaizhou-xihai", "batgod", "dawn", "wave", 2000),
    Idea("2025-04-26 17:55", "sidaogou", "grekno", "gold", "cloud", 3000, "shallows"),
    Idea(
        "2025-04-27 10:40", "gaizhou-beihai", "grekno", "noon", "cloud", 2600, "flat", shape="long"
    ),
    Idea("2025-04-27 18:24", "sidaogou", "grekno", "dusk", "rising", 2200, "shallows"),
    Idea("2025-05-03 05:05", "yingkou-xihaian", "dunlin", "mist", "wave", 1800),
    Idea("2025-05-05 21:10", "gaizhou-xihai", "bkbplo", "moon", "line", 160),
    Idea("2025-05-17 08:30", "bayuquan", "rensti", "silver", "ribbon", 1300, "shallows"),
    # 2026
    Idea("2026-03-07 09:30", "liaobin", "comshe", "silver", "few", 16, "flat", 200, "wide", 420),
    Idea("2026-03-14 10:50", "honghaitan", "saugul2", "noon", "few", 11, "shallows", 90),
    Idea("2026-03-21 17:38", "yongyuanjiao", "faecur", "gold", "line", 60),
    Idea("2026-03-22 06:20", "sidaogou", "eurcur", "mist", "few", 13, "flat", 180, "tall"),
    Idea(
        "2026-03-28 14:45", "gaizhou-beihai", "kenplo1", "noon", "few", 8, "flat", 320, "wide", 260
    ),
    Idea("2026-03-31 18:02", "sidaogou", "batgod", "dusk", "line", 150),
    Idea("2026-04-03 05:50", "gaizhou-xihai", "batgod", "dawn", "ribbon", 900),
    Idea("2026-04-04 10:15", "yongyuanjiao", "pieavo1", "silver", "rising", 220, "shallows", 140),
    Idea("2026-04-06 17:44", "sidaogou", "batgod", "gold", "wave", 1700),
    Idea("2026-04-09 14:10", "gaizhou-xihai", "faecur", "storm", "line", 120, "flat"),
    Idea("2026-04-11 05:40", "sidaogou", "batgod", "dawn", "rising", 1500, "shallows", 0, "tall"),
    Idea("2026-04-12 11:20", "gaizhou-beihai", "bktgod", "noon", "ribbon", 900, "flat", 160),
    Idea("2026-04-14 18:03", "yingkou-xihaian", "batgod", "gold", "ribbon", 1500, shape="long"),
    Idea("2026-04-16 05:33", "sidaogou", "grekno", "mist", "wave", 1900, "flat"),
    Idea("2026-04-17 15:30", "gaizhou-xihai", "dunlin", "silver", "cloud", 2600, "shallows"),
    Idea("2026-04-18 18:10", "sidaogou", "batgod", "dusk", "wave", 2400, "shallows"),
    Idea(
        "2026-04-19 09:00",
        "gaizhou-beihai",
        "batgod",
        "noon",
        "rising",
        900,
        "flat",
        420,
        "wide",
        1500,
    ),
    Idea("2026-04-20 05:26", "sidaogou", "grekno", "dawn", "wave", 2600, shape="long"),
    Idea("2026-04-21 20:50", "sidaogou", "grekno", "moon", "wave", 1500),
    Idea("2026-04-22 13:40", "gaizhou-xihai", "grekno", "storm", "cloud", 3600, "shallows"),
    Idea("2026-04-23 17:58", "gaizhou-xihai", "grekno", "gold", "wave", 3000, "shallows"),
    Idea("2026-04-24 05:24", "sidaogou", "batgod", "dawn", "cloud", 2400, "flat"),
    Idea("2026-04-24 18:16", "yingkou-xihaian", "grekno", "dusk", "ribbon", 2000, shape="tall"),
    Idea(
        "2026-04-25 05:18",
        "gaizhou-xihai",
        "batgod",
        "mist",
        "rising",
        2400,
        "shallows",
        0,
        "wide",
        3600,
    ),
    Idea("2026-04-25 10:30", "gaizhou-beihai", "grekno", "noon", "wave", 3000, "flat", 300),
    Idea(
        "2026-04-25 15:10", "sidaogou", "dunlin", "silver", "ribbon", 2200, "shallows", shape="long"
    ),
    Idea("2026-04-25 17:42", "gaizhou-xihai", "batgod", "gold", "wave", 2400, shape="long"),
    Idea(FOUNDING_TIME, "sidaogou", "grekno", "dusk", "wave", 4200, number=6200),
    Idea("2026-04-25 18:33", "sidaogou", "grekno", "dusk", "cloud", 3400, "shallows", shape="tall"),
    Idea("2026-04-25 21:05", "yongyuanjiao", "eurcur", "moon", "line", 120, "shallows"),
    Idea("2026-04-26 05:22", "sidaogou", "grekno", "dawn", "ribbon", 2400, "shallows"),
    Idea(
        "2026-04-26 14:25", "gaizhou-xihai", "grekno", "storm", "wave", 3600, "flat", shape="long"
    ),
    Idea("2026-04-27 17:50", "sidaogou", "batgod", "gold", "rising", 2200, "flat"),
    Idea(
        "2026-04-28 10:05",
        "gaizhou-beihai",
        "dunlin",
        "noon",
        "cloud",
        2600,
        "shallows",
        shape="square",
    ),
    Idea("2026-04-30 05:16", "gaizhou-xihai", "grekno", "mist", "cloud", 2600, "flat"),
    Idea("2026-05-01 18:22", "sidaogou", "grekno", "dusk", "wave", 3000, "flat", shape="square"),
    Idea("2026-05-02 09:45", "yingkou-xihaian", "dunlin", "silver", "wave", 2800),
    Idea("2026-05-03 17:56", "gaizhou-beihai", "dunlin", "gold", "cloud", 2800),
    Idea("2026-05-05 05:08", "sidaogou", "bkbplo", "dawn", "line", 180, shape="tall", number=310),
    Idea("2026-05-06 15:20", "gaizhou-xihai", "dunlin", "storm", "rising", 1900, "shallows", 200),
    Idea("2026-05-08 18:26", "sidaogou", "dunlin", "dusk", "ribbon", 1500, shape="long"),
    Idea("2026-05-10 11:00", "gaizhou-beihai", "rensti", "noon", "ribbon", 1600, "shallows", 240),
    Idea("2026-05-13 05:04", "bayuquan", "rensti", "mist", "wave", 1300),
    Idea("2026-05-16 18:30", "yongyuanjiao", "bkbplo", "gold", "few", 15, shape="tall"),
    Idea("2026-05-20 20:40", "sidaogou", "dunlin", "moon", "ribbon", 700),
    Idea("2026-05-24 09:20", "honghaitan", "saugul2", "silver", "few", 10, "shallows", 60),
)


def pictures() -> tuple[Picture, ...]:
    """All pictures of the demonstration in the order they were taken; always the same."""
    return tuple(_picture(number, idea) for number, idea in enumerate(IDEAS))


def _picture(number: int, idea: Idea) -> Picture:
    rng = Random(SEED + number)  # noqa: S311  a picture, not a secret
    point, _, _ = PLACES[idea.site]
    taken = datetime.fromisoformat(idea.when).replace(tzinfo=ZONE, second=rng.randrange(60))
    near = Point(point.lat + rng.uniform(-0.004, 0.004), point.lon + rng.uniform(-0.006, 0.006))
    is_founding = idea.when == FOUNDING_TIME
    return Picture(
        name=f"{taken:%Y%m%d_%H%M}_{idea.site}.jpg",
        scene=_scene(rng, number, idea),
        shot=Shot(taken, near, _camera(rng, idea), round(rng.uniform(170, 320), 1)),
        caption=FOUNDING if is_founding else _caption(idea),
        credit=FOUNDING_CREDIT if is_founding else CREDITS[number % len(CREDITS)],
        license="CC-BY-4.0" if is_founding else LICENSES[number % len(LICENSES)],
        species=idea.species,
        number=idea.number,
    )


def _scene(rng: Random, number: int, idea: Idea) -> Scene:
    width, height = SHAPES[idea.shape]
    if idea.standing:
        horizon = rng.uniform(0.36, 0.46)
    elif idea.ground == "sea":
        horizon = rng.uniform(0.66, 0.76)
    else:
        horizon = rng.uniform(0.56, 0.7)
    is_few = idea.birds < 30
    return Scene(
        seed=SEED + number,
        light=idea.light,
        width=width,
        height=height,
        horizon=horizon,
        sun=_sun(rng, idea.light, horizon),
        ground=idea.ground,
        flight=idea.flight,
        birds=idea.birds,
        scale=rng.uniform(34, 52)
        if is_few
        else rng.uniform(19, 25)
        if idea.birds < 300
        else rng.uniform(12, 18),
        standing=idea.standing,
        standing_scale=rng.uniform(18, 24),
    )


def _sun(rng: Random, light: str, horizon: float) -> tuple[float, float] | None:
    """Where the sun or moon stands: on thirds of the picture, low at either end of the day."""
    if light in ("noon", "storm"):
        return None
    across = rng.choice((0.27, 0.34, 0.63, 0.72)) + rng.uniform(-0.03, 0.03)
    heights = {"moon": (0.24, 0.5), "silver": (0.3, 0.6), "mist": (0.4, 0.7), "dusk": (0.86, 0.97)}
    low, high = heights.get(light, (0.72, 0.95))
    return across, horizon * rng.uniform(low, high)


def _camera(rng: Random, idea: Idea) -> Camera:
    camera = CAMERAS[1] if idea.birds > 2000 else rng.choice(CAMERAS)
    exposure, iso = SLOW.get(idea.light, (camera.exposure_s, camera.iso))
    return Camera(
        camera.make, camera.model, camera.lens, exposure, camera.f_number, iso, camera.focal_mm
    )


def _caption(idea: Idea) -> Text:
    _, site_zh, site_en = PLACES[idea.site]
    bird_zh, bird_en = BIRDS[idea.species]
    hour_zh, hour_en = HOURS[idea.light]
    if idea.standing:
        zh, en = RESTING[0].format(bird_zh, site_zh), RESTING[1].format(bird_en, site_en)
        return Text(zh, en)
    act_zh, act_en = ACTS[idea.flight]
    return Text(
        f"{hour_zh}，{bird_zh}{act_zh.format(site_zh)}。",
        f"{hour_en}, {bird_en} {act_en.format(site_en)}.",
    )

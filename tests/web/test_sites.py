from __future__ import annotations

from birdwatch.domain.place import Site
from birdwatch.domain.text import Text
from birdwatch.web.sites import Sketch, draw_sketch


def site(name: str, ring: list[list[float]], *, is_outline: bool = False) -> Site:
    geometry: dict[str, object] = {"type": "Polygon", "coordinates": [ring]}
    return Site(name, Text(name, name), geometry, is_outline)


def test_sketch_without_geometry_is_empty() -> None:
    assert draw_sketch({"a": Site("a", Text("a", "a"), None)}) == Sketch(0, 0, ())


def test_sketch_puts_the_outline_first_and_north_up() -> None:
    inner = site("inner", [[122.0, 40.6], [122.1, 40.6], [122.1, 40.7], [122.0, 40.6]])
    outer = site(
        "outer", [[122.0, 40.5], [122.2, 40.5], [122.2, 40.8], [122.0, 40.5]], is_outline=True
    )
    sketch = draw_sketch({"inner": inner, "outer": outer})
    assert [one.site.id for one in sketch.outlines] == ["outer", "inner"]
    assert sketch.width == 624
    assert sketch.outlines[0].path.startswith(f"M12.0 {sketch.height - 12}")


def test_sketch_draws_every_part_of_a_site() -> None:
    ring = [[122.0, 40.6], [122.1, 40.6], [122.1, 40.7], [122.0, 40.6]]
    several = Site("a", Text("a", "a"), {"type": "MultiPolygon", "coordinates": [[ring], [ring]]})
    assert draw_sketch({"a": several}).outlines[0].path.count("M") == 2

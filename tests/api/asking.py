"""What the tests of the API send again and again."""

from __future__ import annotations

import httpx

from tests.pictures import make_jpeg

SITE = "sidaogou"
OTHER_SITE = "yongyuanjiao"
GREAT_KNOT = "grekno"
DUNLIN = "dunlin"


def survey(start: str, site: str = SITE, tide: str = "high", **counts: int) -> dict[str, object]:
    """A survey as a caller sends it: one sighting per keyword."""
    return {
        "site": site,
        "start": start,
        "observers": ["Li"],
        "protocol": "stationary",
        "complete": True,
        "tide": tide,
        "sightings": [{"species": code, "best": best} for code, best in counts.items()],
    }


async def send_survey(client: httpx.AsyncClient, body: dict[str, object]) -> dict[str, object]:
    """The survey as the archive answers it."""
    response = await client.post("/api/v1/surveys", json=body)
    assert response.status_code == 201, response.text
    answer: dict[str, object] = response.json()
    return answer


async def send_photo(
    client: httpx.AsyncClient, photo: bytes | None = None, **words: str
) -> dict[str, object]:
    """The photo as the archive answers it."""
    response = await client.post(
        "/api/v1/photos",
        files={"photo": ("knots.jpg", photo or make_jpeg(64, 48), "image/jpeg")},
        data=words,
    )
    assert response.status_code == 201, response.text
    answer: dict[str, object] = response.json()
    return answer

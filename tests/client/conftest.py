"""An archive that is served to clients over the loopback, and people with tokens."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from pathlib import Path

import anyio
import httpx
import pytest
from PIL import Image

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person
from tests.serving import serving, variables

PEOPLE = 24  # each test takes one, so that nobody meets the photos of another


@dataclass
class Server:
    """A running `birdwatch serve`, and tokens that upload."""

    base: str
    port: int
    tokens: list[str]
    _next: Iterator[int] = field(default_factory=count)

    def token(self) -> str:
        """The token of somebody who has sent nothing yet."""
        return self.tokens[next(self._next)]

    def known(self, token: str, hashes: list[str]) -> dict[str, str]:
        answer = httpx.post(
            f"{self.base}/api/v1/uploads/known",
            json={"sha256": hashes},
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )
        known: dict[str, str] = answer.json()["known"]
        return known

    def original(self, token: str, photo: str) -> bytes:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.base}/media/{photo}/original", headers=headers, timeout=60)
        assert answer.status_code == 200
        return answer.content

    def open_uploads(self, token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx.get(f"{self.base}/api/v1/uploads", headers=headers, timeout=60)
        return len(answer.json()["items"])


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on this machine is asked directly."""
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("client")
    tokens = anyio.run(_make_tokens, home)
    environment = variables(BIRDWATCH_HOME=str(home), BIRDWATCH_LOG_LEVEL="warning")
    with serving(environment, log=home / "server.log") as served:
        yield Server(served.base, served.port, tokens)


async def _make_tokens(home: Path) -> list[str]:
    tokens = []
    async with open_archive(Settings(home=home)) as archive:
        with archive.db.activate():
            for number in range(PEOPLE):
                name = f"person{number}"
                async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
                    person = await add_person(
                        tx, name, "-", "contributor", Text(name, name), trust="trusted"
                    )
                    tokens.append(await create_token(tx, person.id, "test", ["upload", "read"]))
    return tokens


def make_noise(seed: int, width: int = 640, height: int = 480) -> bytes:
    """A JPEG that is large for its pixels, about half a megabyte at this size."""
    pixels = random.Random(seed).randbytes(width * height * 3)
    saved = BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(saved, "jpeg", quality=90)
    return saved.getvalue()

"""A disk that is full, gone, emptied or read-only: nothing is taken, and everyone is told why."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import pytest

from tests.pictures import make_jpeg
from tests.service import Service, running

pytestmark = [pytest.mark.anyio, pytest.mark.faults]
PHOTO = make_jpeg(160, 120)
EXBIBYTE = 2**60
ROOT = Path(__file__).parents[2]
JPEG = {"Content-Type": "image/jpeg"}


async def sender_of(service: Service) -> httpx.AsyncClient:
    li = await service.add_person("li")
    return await service.token_client(li, "upload", "read")


async def ready(service: Service) -> int:
    return (await service.visitor.get("/readyz")).status_code


async def test_reserve_is_kept_before_a_byte_is_read(tmp_path: Path, database_url: str) -> None:
    async with running(tmp_path / "home", database_url, max_photo_bytes=EXBIBYTE) as service:
        client = await sender_of(service)

        async def body() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        headers = {**JPEG, "Content-Length": str(EXBIBYTE // 2)}
        answer = await client.post("/api/v1/photos", content=body(), headers=headers)
        assert (answer.status_code, answer.json()["type"]) == (507, "/api/v1/docs#storage.full")
        browser, csrf = await service.sign_in("li")
        form = {"Content-Type": "multipart/form-data; boundary=x", "X-CSRF-Token": csrf}
        headers = {**form, "Content-Length": str(EXBIBYTE // 2)}
        page = await browser.post("/upload", content=body(), headers=headers)
        assert page.status_code in (413, 507)
        assert (await client.post("/api/v1/photos", content=PHOTO, headers=JPEG)).status_code == 201


async def test_disk_below_the_reserve_takes_nothing_and_still_shows_everything(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    async with running(home, database_url) as service:
        photo = (
            await (await sender_of(service)).post("/api/v1/photos", content=PHOTO, headers=JPEG)
        ).json()
    # Only a running archive meets a disk that fills; so it opens first and fills then.
    async with running(home, database_url) as service:
        service.archive.blobs.reserve_bytes = EXBIBYTE
        li, _ = await service.sign_in("li")
        other = make_jpeg(160, 120, seed=2)
        csrf = await service.sign_in("li")
        answer = await csrf[0].post(
            "/api/v1/photos", content=other, headers={**JPEG, "X-CSRF-Token": csrf[1]}
        )
        assert answer.status_code == 507
        assert await ready(service) == 507
        assert (await li.get(f"/api/v1/photos/{photo['id']}")).status_code == 200
        assert list((home / "incoming").iterdir()) == []


@pytest.mark.parametrize("trouble", ["missing", "emptied", "another", "without originals"])
async def test_folder_that_is_not_the_one_takes_nothing(
    tmp_path: Path, database_url: str, trouble: str
) -> None:
    home, aside = tmp_path / "home", tmp_path / "aside"
    async with running(home, database_url, render_children=1) as service:
        client = await sender_of(service)
        first = await client.post("/api/v1/photos", content=PHOTO, headers=JPEG)
        assert first.status_code == 201
        if trouble == "without originals":
            home, aside = home / "originals", home / "originals.aside"
        home.rename(aside)
        if trouble in ("emptied", "another"):
            home.mkdir()
        if trouble == "another":
            (home / ".birdwatch").write_text("0" * 32)
        for _ in range(2):
            answer = await client.post(
                "/api/v1/photos", content=make_jpeg(160, 120, seed=3), headers=JPEG
            )
            problem = answer.json()["type"]
            assert (answer.status_code, problem) == (503, "/api/v1/docs#storage.missing")
            again = await client.post("/api/v1/photos", content=PHOTO, headers=JPEG)
            assert again.status_code == 503, "a known photo, yet nobody can see its file"
        assert await ready(service) == 503
        if home.exists():
            left = [path.name for path in home.iterdir()]
            assert left == ([".birdwatch"] if trouble == "another" else [])
            for path in home.iterdir():
                path.unlink()
            home.rmdir()
        aside.rename(home)
        assert await ready(service) == 200
        answer = await client.post(
            "/api/v1/photos", content=make_jpeg(160, 120, seed=3), headers=JPEG
        )
        assert answer.status_code == 201


async def test_folder_that_turns_read_only_takes_nothing(tmp_path: Path, database_url: str) -> None:
    words = [sys.executable, "-m", "tests.faults.read_only", str(tmp_path / "home"), database_url]
    done = await anyio.run_process(words, cwd=ROOT)
    assert json.loads(done.stdout) == {
        "incoming": [503, 503],
        "originals": [503, 503],
        "renditions": [503, 503],
        "": [201, 200],
    }

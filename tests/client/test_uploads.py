"""One file over a line that breaks, to a real server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from birdwatch.client import Arrival, Connection, Cut, FileChangedError, Found, Refusal, send_file
from birdwatch.client.uploads import UPLOADS, known_photos
from tests.client.conftest import Server, make_noise
from tests.client.lines import line_to

pytestmark = pytest.mark.anyio


def found(path: Path, data: bytes) -> Found:
    path.write_bytes(data)
    facts = path.stat()
    return Found(path.name, path, facts.st_size, facts.st_mtime_ns)


class Watch:
    """What a sender was told on the way."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.at: list[int] = []


async def send(
    base: str,
    token: str,
    file: Found,
    watch: Watch,
    *,
    upload: str = "",
    patience_s: float = 20,
    on_moved: Callable[[int], None] | None = None,
    sha256: str = "",
) -> Arrival:
    async with Connection(base, token, patience_s=patience_s) as connection:
        return await send_file(
            connection,
            file,
            sha256 or hashlib.sha256(file.path.read_bytes()).hexdigest(),
            {},
            upload=upload,
            on_begun=watch.begun.append,
            on_moved=on_moved or watch.at.append,
        )


async def test_file_arrives_whole_over_a_line_that_is_cut_again_and_again(
    server: Server, tmp_path: Path
) -> None:
    token, data = server.token(), make_noise(1, 1200, 900)
    watch, file = Watch(), found(tmp_path / "a.jpg", data)
    with line_to(server.port, cuts=8, most_bytes=len(data) // 4, seed=3) as line:
        arrival = await send(line.base, token, file, watch)
        assert line.was_cut == 8
    assert not arrival.is_duplicate
    assert len(watch.begun) <= 2  # a cut before the first answer leaves one that nobody finishes
    assert watch.at[-1] == len(data)
    photo = arrival.photo.rsplit("/", 1)[1]
    assert server.original(token, photo) == data
    assert server.known(token, [hashlib.sha256(data).hexdigest()]) == {
        hashlib.sha256(data).hexdigest(): photo
    }


async def test_upload_that_was_begun_goes_on_where_the_archive_is(
    server: Server, tmp_path: Path
) -> None:
    token, data = server.token(), make_noise(2)
    watch, file = Watch(), found(tmp_path / "a.jpg", data)
    with (
        line_to(server.port, cuts=99, most_bytes=len(data) // 2, seed=2) as line,
        pytest.raises(Cut),
    ):
        await send(line.base, token, file, watch, patience_s=0)
    later = Watch()
    arrival = await send(server.base, token, file, later, upload=watch.begun[0])
    assert (later.begun, later.at[-1]) == ([], len(data))
    assert server.original(token, arrival.photo.rsplit("/", 1)[1]) == data


async def test_upload_that_is_finished_or_forgotten_is_found_out(
    server: Server, tmp_path: Path
) -> None:
    token, data = server.token(), make_noise(3)
    first, again, anew = Watch(), Watch(), Watch()
    file = found(tmp_path / "a.jpg", data)
    arrival = await send(server.base, token, file, first)
    finished = await send(server.base, token, file, again, upload=first.begun[0])
    assert (finished.photo, again.begun) == (arrival.photo, [])
    forgotten = await send(server.base, token, file, anew, upload=f"{UPLOADS}/aaaaaaaaaaaaaaaa")
    assert (forgotten.photo, forgotten.is_duplicate) == (arrival.photo, True)
    assert len(anew.begun) == 1


async def test_file_that_changes_under_way_is_not_sent_on(server: Server, tmp_path: Path) -> None:
    token, data = server.token(), make_noise(4)
    file = found(tmp_path / "a.jpg", data)
    os.utime(file.path, ns=(1, 1))
    with pytest.raises(FileChangedError):
        await send(server.base, token, file, Watch())
    file = found(tmp_path / "b.jpg", data)
    with pytest.raises(Refusal) as refused:  # as if it had changed while nobody looked
        await send(server.base, token, file, Watch(), sha256="0" * 64)
    assert (refused.value.status, refused.value.code) == (422, "upload.changed")
    assert server.known(token, [hashlib.sha256(data).hexdigest()]) == {}


async def test_refusals_carry_the_sentence_of_the_archive(server: Server, tmp_path: Path) -> None:
    file = found(tmp_path / "a.jpg", b"no picture at all" * 100)
    with pytest.raises(Refusal) as refused:
        await send(server.base, server.token(), file, Watch())
    assert (refused.value.status, refused.value.code) == (415, "photo.unsupported")
    assert refused.value.sentence
    with pytest.raises(Refusal) as nobody:
        await send(server.base, "bw_nobody", file, Watch())
    assert nobody.value.status == 401


async def test_line_that_is_away_is_waited_for_but_not_for_ever(
    server: Server, tmp_path: Path
) -> None:
    with line_to(1) as line, pytest.raises(Cut):  # nobody listens there
        async with Connection(line.base, server.token(), patience_s=1) as connection:
            await known_photos(connection, [])


async def test_page_on_the_way_is_not_taken_for_an_answer() -> None:
    def hotel(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="<h1>Welcome to our network</h1>")

    transport = httpx.MockTransport(hotel)
    async with Connection("http://birds.test", "t", patience_s=0, transport=transport) as one:
        with pytest.raises(Cut):
            await known_photos(one, [])


async def test_token_goes_to_no_other_address() -> None:
    asked: list[str] = []

    def moved(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url.host))
        return httpx.Response(308, headers={"Location": "https://evil.example/api/v1/uploads/x"})

    transport = httpx.MockTransport(moved)
    async with Connection("http://birds.test", "t", patience_s=0, transport=transport) as one:
        with pytest.raises(Refusal) as refused:
            await known_photos(one, [])
    assert asked == ["birds.test"]
    assert "https://evil.example" in refused.value.sentence

"""Archives at their worst: every answer that may come, in any order, and what is made of it."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birdwatch.client import (
    Arrival,
    Connection,
    Event,
    Journal,
    Refusal,
    Report,
    Sending,
    list_folder,
    send_file,
    send_folder,
)
from birdwatch.client import uploads as sending_one

BASE = "http://birds.test"
FAULTS = (
    "500",
    "503",
    "429",
    "423",
    "460",
    "408",
    "409",
    "gone",
    "cut",
    "cut after",
    "half",
    "page",
)
DATA = bytes(range(256)) * 40


@dataclass
class Archive:
    """Speaks tus as the standard has it; `faults` says what goes wrong with which request."""

    faults: list[str] = field(default_factory=list)
    refusals: dict[str, tuple[str, httpx.Response]] = field(default_factory=dict)  # by file name
    begun: dict[str, tuple[str, int, bytearray]] = field(default_factory=dict)
    photos: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        fault = self.faults.pop(0) if self.faults else ""
        self.asked.append(request.method)
        if fault == "409" and request.method != "PATCH":
            fault = ""
        if fault.isdigit():
            headers = {"Retry-After": "0"} if fault == "429" else {}
            return httpx.Response(int(fault), headers=headers)
        if fault == "cut":
            raise httpx.ConnectError("no line")
        if fault == "page":
            return httpx.Response(200, text="<h1>Welcome to our network</h1>")
        if fault == "gone":
            self.begun.clear()
        told = self._do(request, half=fault == "half")
        if fault in ("cut after", "half"):
            raise httpx.ReadError("the line broke")
        return told

    def _do(self, request: httpx.Request, *, half: bool) -> httpx.Response:
        path = request.url.path
        if path.endswith("/known"):
            return httpx.Response(200, json={"known": {}})
        if request.method == "POST":
            return self._begin(request)
        if path not in self.begun:
            return httpx.Response(404)
        name, length, kept = self.begun[path]
        when, refusal = self.refusals.get(name, ("", None))
        if refusal is not None and when == request.method:
            return refusal
        if request.method == "PATCH":
            if request.headers["upload-offset"] != str(len(kept)):
                return httpx.Response(409)
            kept += request.content[: len(request.content) // 2] if half else request.content
            if len(kept) == length:
                self.photos[name] = bytes(kept)
        offset = {"Upload-Offset": str(len(kept)), "Tus-Resumable": "1.0.0"}
        if request.method == "GET":
            state = "done" if len(kept) == length else "finishing"
            told = {"state": state, "photo": f"/p/{name}", "duplicate": False, "waiting": False}
            return httpx.Response(200, json=told)
        return httpx.Response(204 if request.method == "PATCH" else 200, headers=offset)

    def _begin(self, request: httpx.Request) -> httpx.Response:
        words = dict(one.split(" ") for one in request.headers["upload-metadata"].split(","))
        name = base64.b64decode(words["filename"]).decode()
        when, refusal = self.refusals.get(name, ("", None))
        if refusal is not None and when == "POST":
            return refusal
        path = f"/api/v1/uploads/{len(self.asked)}"
        self.begun[path] = (name, int(request.headers["upload-length"]), bytearray())
        return httpx.Response(201, headers={"Location": f"https://elsewhere.test{path}"})

    def connection(self, patience_s: float = 5) -> Connection:
        transport = httpx.MockTransport(self.answer)
        return Connection(
            BASE, "t", patience_s=patience_s, first_pause_s=0.0001, transport=transport
        )


def fill(folder: Path, names: str) -> None:
    for name in names:
        (folder / f"{name}.jpg").write_bytes(name.encode() + DATA)


async def send_one(archive: Archive, folder: Path) -> Arrival:
    file = list_folder(folder).pictures[0]
    sha256 = hashlib.sha256(file.path.read_bytes()).hexdigest()
    async with archive.connection() as connection:
        return await send_file(
            connection, file, sha256, {}, on_begun=lambda _: None, on_moved=lambda _: None
        )


@given(faults=st.lists(st.sampled_from(("", *FAULTS)), max_size=12))
@settings(max_examples=60)
def test_file_arrives_whole_whatever_goes_wrong_on_the_way(faults: list[str]) -> None:
    folder = Path(tempfile.mkdtemp())
    fill(folder, "a")
    archive = Archive(faults)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending_one, "LARGEST_PIECE", 4096)
        patch.setattr(sending_one, "SMALLEST_PIECE", 512)
        if faults.count("gone") < sending_one.MOST_STARTS:
            anyio.run(send_one, archive, folder)
            assert archive.photos == {"a.jpg": b"a" + DATA}
        else:  # one that is forgotten each time is left for another run, but never taken in part
            with suppress(Refusal):
                anyio.run(send_one, archive, folder)
            assert archive.photos in ({}, {"a.jpg": b"a" + DATA})


async def send_all(archive: Archive, folder: Path, *, is_again: bool = False) -> Report:
    events: list[Event] = []
    async with archive.connection(0.05) as connection:
        with Journal(folder / ".journal") as journal:
            sending = Sending(connection, journal, {}, events.append, 1, is_again)
            return await send_folder(sending, list_folder(folder).pictures)


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    told = {"type": f"/api/v1/docs#{code}", "status": status, "detail": f"Told: {code}."}
    return httpx.Response(status, json=told, headers=headers)


@pytest.mark.parametrize(
    ("when", "refusal", "ends", "stopped"),
    [
        ("PATCH", problem(415, "photo.unsupported"), "sent refused sent", ""),
        ("PATCH", problem(422, "photo.broken"), "sent refused sent", ""),
        ("POST", problem(413, "photo.too_large"), "sent refused sent", ""),
        ("PATCH", problem(500, "internal"), "sent left sent", ""),
        ("PATCH", problem(423, "upload.locked"), "sent left sent", ""),
        ("POST", problem(422, "species.unknown"), "sent left left", "Told: species.unknown."),
        ("POST", problem(507, "storage.full"), "sent left left", "Told: storage.full."),
        ("PATCH", problem(401, "token.unknown"), "sent left left", "Told: token.unknown."),
        ("POST", problem(403, "upload.forbidden"), "sent left left", "Told: upload.forbidden."),
        (
            "POST",
            problem(429, "quota.files", **{"Retry-After": "3600"}),
            "sent left left",
            "Told: quota.files.",
        ),
        (
            "POST",
            httpx.Response(308, headers={"Location": "https://b.test/"}),
            "sent left left",
            "HTTP 308 Permanent Redirect https://b.test/",
        ),
    ],
)
def test_refusal_is_of_the_file_or_stops_the_run(
    tmp_path: Path, when: str, refusal: httpx.Response, ends: str, stopped: str
) -> None:
    fill(tmp_path, "abc")
    archive = Archive(refusals={"b.jpg": (when, refusal)})
    report = anyio.run(send_all, archive, tmp_path)
    assert (" ".join(one.end for one in report.outcomes), report.stopped) == (ends, stopped)
    archive.refusals.clear()
    asked = len(archive.asked)
    again = anyio.run(send_all, archive, tmp_path)
    if "refused" in ends:
        assert [one.end for one in again.of("refused")] == ["refused"]
        assert again.of("refused")[0].reason == report.of("refused")[0].reason
        assert len(archive.photos) == 2
    else:
        assert set(archive.photos) == {"a.jpg", "b.jpg", "c.jpg"}
    assert len(archive.asked) > asked


async def known_all(archive: Archive, folder: Path) -> Any:
    return await send_all(archive, folder, is_again=True)


def test_what_was_refused_is_sent_again_when_asked(tmp_path: Path) -> None:
    fill(tmp_path, "a")
    archive = Archive(refusals={"a.jpg": ("PATCH", problem(415, "photo.unsupported"))})
    anyio.run(send_all, archive, tmp_path)
    archive.refusals.clear()
    assert [one.end for one in anyio.run(known_all, archive, tmp_path).outcomes] == ["sent"]


def test_copies_share_what_became_of_the_first(tmp_path: Path) -> None:
    fill(tmp_path, "ab")
    (tmp_path / "c.jpg").write_bytes((tmp_path / "a.jpg").read_bytes())
    archive = Archive(refusals={"a.jpg": ("PATCH", problem(415, "photo.unsupported"))})
    report = anyio.run(send_all, archive, tmp_path)
    assert [one.end for one in report.outcomes] == ["refused", "sent", "refused"]
    assert archive.asked.count("PATCH") == 2

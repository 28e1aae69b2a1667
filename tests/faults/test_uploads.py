"""An upload in pieces, ended or failed at any of its system calls, and between two servers.

BIRDWATCH_TEST_UPLOAD_SYSCALLS, BIRDWATCH_TEST_UPLOAD_FAULTS and BIRDWATCH_TEST_UPLOAD_KILLS say how
many places are tried; 0 means every system call there is. Here a few that are spread over them.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.tus import PIECE, TUS, UPLOADS, checksum
from tests.faults.one_upload import cuts
from tests.faults.sweeps import check_end, swept
from tests.faults.test_kill import WAIT_S, environ, new_token
from tests.faults.test_order import first, traced
from tests.faults.tracing import can_trace
from tests.pictures import make_jpeg
from tests.serving import BIRDWATCH, serving
from tests.suites import needs

pytestmark = pytest.mark.faults
SYSCALLS = os.environ.get("BIRDWATCH_TEST_UPLOAD_SYSCALLS", "5")
FAULTS = os.environ.get("BIRDWATCH_TEST_UPLOAD_FAULTS", "3")
KILLS = os.environ.get("BIRDWATCH_TEST_UPLOAD_KILLS", "3")
PROGRAM = "tests.faults.one_upload"
PHOTO = make_jpeg(5000, 3750, seed=7)
HALF = 1_200_000  # more than one bundle, so that some of it is on the disk before the rest comes


def check_found(found: dict[str, Any], told: dict[str, Any]) -> None:
    """Nothing that was told is lost, only whole pieces count, and it goes on to its end."""
    assert (found["head"], found["right"]) == (200, True), found
    assert found["offset"] >= told["offset"], found
    assert found["offset"] in cuts_of(found), found
    assert found["row"] is None or found["whole"], found
    assert not told["photo"] or found["row"] == told["photo"], found
    after, became = found["after"], found["became"]
    assert after["whole"], found
    assert (became["state"], became["photo"]) == ("done", f"/api/v1/photos/{after['row']}"), found


def cuts_of(found: dict[str, Any]) -> list[int]:
    return cuts(bytes(found["became"]["length"]))


def test_upload_killed_at_any_system_call_goes_on(tmp_path: Path, database_url: str) -> None:
    needs(can_trace(), "Linux on x86-64, whose system calls are known here")
    *trials, last = swept(PROGRAM, "kill", tmp_path / "run" / "home", database_url, SYSCALLS)
    assert trials
    for trial in trials:
        check_found(trial["found"], trial["said"][-1])
    check_end(last["end"])


def test_upload_with_a_failing_call_keeps_what_was_told_and_no_more(
    tmp_path: Path, database_url: str
) -> None:
    needs(can_trace(), "Linux on x86-64, whose system calls are known here")
    *trials, last = swept(PROGRAM, "fail", tmp_path / "run" / "home", database_url, FAULTS)
    assert trials
    for trial in trials:
        said = trial["said"][-1]
        assert said["status"] in (204, 503, 507), trial
        if said["status"] != 204:
            assert said["size"] in cuts_of(trial["found"]), trial
            assert said["size"] >= said["start"], trial
            if re.match(r"(fsync|f?write\w*) incoming/\w+\.upload", trial["call"]):
                assert said["size"] == said["start"], trial
            said |= {"offset": said["size"]}
        check_found(trial["found"], said)
    check_end(last["end"])


def test_uploads_killed_at_any_moment_go_on(tmp_path: Path, database_url: str) -> None:
    *trials, last = swept(PROGRAM, "random", tmp_path / "run" / "home", database_url, KILLS)
    assert len(trials) == int(KILLS)
    for trial in trials:
        assert trial["odd"] == []
        for told, found in zip(trial["told"], trial["found"], strict=True):
            check_found(found, told)
    check_end(last["end"])


@contextmanager
def server(
    home: Path, database: str, *command: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server process on this archive, and its address."""
    with serving(environ(home, database), command=command or BIRDWATCH) as served:
        yield served.base, served.process


def check_original(home: Path) -> None:
    """The photo is the only original, and it is what was sent."""
    (original,) = (path for path in (home / "originals").rglob("*") if path.is_file())
    assert original.read_bytes() == PHOTO


def begin(client: httpx.Client, server: str) -> str:
    """The path of a new upload of the photo."""
    headers = {**TUS, "Upload-Length": str(len(PHOTO))}
    answer = client.post(server + UPLOADS, headers=headers)
    assert answer.status_code == 201, answer.text
    location: str = answer.headers["location"]
    return location.removeprefix(server)


def patch(
    client: httpx.Client, address: str, start: int, data: bytes | Iterator[bytes], **more: str
) -> httpx.Response:
    headers = {**PIECE, "Upload-Offset": str(start), **more}
    return client.patch(address, headers=headers, content=data)


def sender(home: Path, database: str) -> httpx.Client:
    token = new_token(home, database)
    return httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=WAIT_S)


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_piece_is_durable_before_its_offset_is_told(tmp_path: Path) -> None:
    home, trace = tmp_path / "home", tmp_path / "trace"
    with sender(home, "") as client, server(home, "", *traced(trace)) as (base, _):
        address = begin(client, base)
        assert patch(client, base + address, 0, PHOTO[:HALF]).status_code == 204
        last = patch(client, base + address, HALF, PHOTO[HALF:])
        assert last.headers["birdwatch-photo"]
    events = trace.read_text("utf-8", "replace").splitlines()
    part = f"{home}/incoming/{address.rpartition('/')[2]}.upload>"
    tells, syncs = r"(write\w*|send\w+)\(", r"f(data)?sync\("
    made = first(events, 0, syncs, part)
    named = first(events, made, syncs, f"{home}/incoming>")
    begun = first(events, named, syncs, "birdwatch.db-wal")
    place = first(events, begun, tells, "HTTP/1.1 201")
    for _ in range(2):
        written = first(events, place, r"write", part)
        told = first(events, written, tells, "HTTP/1.1 204")
        last_call = max(n for n in range(written, told) if part in events[n])
        assert re.search(syncs, events[last_call]), events[last_call]
        assert is_over(events, last_call, told)
        place = told
    check_becoming(home, events, part, told)


def is_over(events: list[str], call: int, told: int) -> bool:
    """Whether this call came back before anyone was told."""
    if "unfinished" not in events[call]:
        return True
    thread = events[call].split()[0]
    after = (event for event in events[call + 1 : told] if event.split()[0] == thread)
    return "resumed" in next(after, "")


def check_becoming(home: Path, events: list[str], part: str, told: int) -> None:
    """Synced as an upload, then named an original, then the name synced, the rows, the answer."""
    sha256 = hashlib.sha256(PHOTO).hexdigest()
    folder = f"{home}/originals/{sha256[:2]}/{sha256[2:4]}"
    linked = first(events, 0, r"link(at)?\(", f"{folder}/{sha256}")
    synced = [n for n, event in enumerate(events[:linked]) if "sync(" in event and part in event]
    written = [n for n, event in enumerate(events) if "write" in event and part in event]
    assert written[-1] < synced[-1] < linked
    named = first(events, linked, r"f(data)?sync\(", f"{folder}>")
    assert named < first(events, named, r"f(data)?sync\(", "birdwatch.db-wal") < told


def test_two_servers_share_an_upload(tmp_path: Path, database_url: str) -> None:
    """Of two writers at one offset one is taken; both servers tell the same photo in the end."""
    home = tmp_path / "home"
    with sender(home, database_url) as client, ExitStack() as stack:
        bases = [stack.enter_context(server(home, database_url))[0] for _ in range(2)]
        address = begin(client, bases[0])
        offset = 0
        for end in (HALF // 2, HALF, len(PHOTO)):
            answers = at_once(client, [base + address for base in bases], offset, end)
            codes = sorted(answer.status_code for answer in answers)
            assert codes in ([204, 409], [204, 423]) or (end == len(PHOTO) and codes[0] == 204)
            offset = end
            heads = [client.head(base + address, headers=TUS) for base in bases]
            assert [int(head.headers["upload-offset"]) for head in heads] == [end, end]
        photos = {head.headers["birdwatch-photo"] for head in heads}
        assert len(photos) == 1
        assert client.get(bases[1] + photos.pop()).status_code == 200
        check_original(home)
        assert client.get(bases[1] + address).json()["duplicate"] is False


@contextmanager
def first_sync_failing(process: subprocess.Popen[bytes], path: Path) -> Iterator[None]:
    """The next sync of this file answers EIO, as it does once for bytes the disk did not take."""
    syncs = "fsync,fdatasync"
    words = ["strace", "-f", "-p", str(process.pid), "-P", str(path)]
    words += ["-e", f"trace={syncs}", "-e", f"inject={syncs}:error=EIO:when=1"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as tracer:
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        try:
            yield
        finally:
            tracer.terminate()
            said = tracer.stderr.read()
    assert "EIO" in said, said


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_sync_that_fails_while_more_comes_is_not_forgotten_at_the_end(tmp_path: Path) -> None:
    """The kernel calls the last sync a success, and the bytes before it are not on the disk."""
    home = tmp_path / "home"
    with sender(home, "") as client, server(home, "") as (base, process):
        address = begin(client, base)
        part = home / "incoming" / f"{address.rpartition('/')[2]}.upload"
        assert patch(client, base + address, 0, PHOTO[:1000]).status_code == 204
        with first_sync_failing(process, part):
            assert patch(client, base + address, 1000, PHOTO[1000:]).status_code == 503
        assert part.stat().st_size == 1000
        head = client.head(base + address, headers=TUS)
        assert head.headers["upload-offset"] == "1000"
        last = patch(client, base + address, 1000, PHOTO[1000:])
        assert client.get(base + last.headers["birdwatch-photo"]).status_code == 200
        check_original(home)


def at_once(
    client: httpx.Client, addresses: list[str], start: int, end: int
) -> list[httpx.Response]:
    """The same piece sent to each of these at the same time."""
    answers: list[httpx.Response] = []

    def one(address: str) -> None:
        answers.append(patch(client, address, start, PHOTO[start:end]))

    threads = [threading.Thread(target=one, args=(address,)) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == len(addresses)
    return answers


@pytest.mark.parametrize("is_checked", [False, True])
def test_piece_of_a_killed_server_is_gone_on_with_at_another(
    tmp_path: Path, database_url: str, *, is_checked: bool
) -> None:
    """What had come of it is kept; with a checksum, which nobody could check, nothing of it."""
    home = tmp_path / "home"
    with sender(home, database_url) as client, server(home, database_url) as (other, _):
        with server(home, database_url) as (base, process):
            address = begin(client, base)
            part = home / "incoming" / f"{address.rpartition('/')[2]}.upload"
            assert patch(client, base + address, 0, PHOTO[:1000]).status_code == 204

            def half_of_it() -> Iterator[bytes]:
                yield PHOTO[1000:HALF]
                deadline = time.monotonic() + WAIT_S
                while part.stat().st_size == 1000 and time.monotonic() < deadline:
                    time.sleep(0.01)
                process.kill()
                process.wait()
                yield PHOTO[HALF:]

            more = {"Upload-Checksum": checksum(PHOTO[1000:])} if is_checked else {}
            with suppress(httpx.TransportError):
                patch(client, base + address, 1000, half_of_it(), **more)
        size = part.stat().st_size
        assert 1000 < size < len(PHOTO)
        head = client.head(other + address, headers=TUS)
        offset = int(head.headers["upload-offset"])
        assert offset == (1000 if is_checked else size)
        last = patch(client, other + address, offset, PHOTO[offset:])
        assert client.get(other + last.headers["birdwatch-photo"]).status_code == 200
        check_original(home)
        assert list((home / "incoming").iterdir()) == []

"""The sandbox: it answers as the functions do, survives what kills a child, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from PIL import Image

from birdwatch.domain.errors import (
    InvalidInputError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaError,
)
from birdwatch.domain.photo import Rendition
from birdwatch.imaging.decoder import Child, Limits
from birdwatch.imaging.probe import probe
from birdwatch.imaging.renditions import render
from birdwatch.imaging.sandbox import DecoderDiedError, Sandbox
from tests.pictures import make_image, make_jpeg

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo"
    path.write_bytes(make_jpeg(900, 600, gps=(40.64, 122.13)))
    return path


@pytest.fixture(scope="module")
def large_photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of little data that takes a while, and 244 MiB, to decode."""
    path = tmp_path_factory.mktemp("large") / "large"
    path.write_bytes(make_image("png", picture=Image.new("RGB", (8000, 8000), "navy"), exif=b""))
    return path


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def only_child(sandbox: Sandbox) -> Child:
    (child,) = {*sandbox._idle, *sandbox._busy}
    return child


async def wait_until(is_so: Callable[[], bool]) -> None:
    with anyio.fail_after(120):
        while not is_so():
            await anyio.sleep(0.01)


async def test_sandbox_answers_as_the_functions_do(photo: Path, tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    async with Sandbox() as sandbox:
        assert await sandbox.probe(photo, "a.jpg") == probe(photo, file_name="a.jpg")
        assert await sandbox.render(photo, inside) == render(photo, outside)
    written = {path.name: path.read_bytes() for path in inside.iterdir()}
    assert written == {path.name: path.read_bytes() for path in outside.iterdir()}


async def test_sandbox_takes_names_no_file_should_have(photo: Path) -> None:
    name = "../\0\u202e\udce4" + "鹬" * 100_000
    async with Sandbox() as sandbox:
        found = await sandbox.probe(photo, name)
    assert found.time_evidence.file_name == ("../\0\u202e?" + "鹬" * 294)


async def test_sandbox_passes_refusals_on(tmp_path: Path) -> None:
    page = tmp_path / "page.jpg"
    page.write_bytes(b"<html>")
    wide = tmp_path / "wide"
    wide.write_bytes(make_jpeg(300, 200))
    async with Sandbox(max_pixels=50_000) as sandbox:
        with pytest.raises(UnsupportedMediaError) as unsupported:
            await sandbox.probe(page)
        with pytest.raises(TooLargeError) as too_large:
            await sandbox.render(wide, tmp_path)
        child = only_child(sandbox)
        assert child.is_alive
        assert child.served == 2
    assert unsupported.value.code == "photo.unsupported"
    assert "HTML 网页" in unsupported.value.text.zh
    assert too_large.value.code == "photo.too_many_pixels"


async def test_sandbox_without_a_file_refuses_and_goes_on(photo: Path, tmp_path: Path) -> None:
    async with Sandbox() as sandbox:
        with pytest.raises(UnavailableError) as caught:
            await sandbox.probe(tmp_path / "nothing")
        assert (await sandbox.probe(photo)).width == 900
    assert caught.value.code == "imaging.unreadable"  # no fault of any picture


async def kill_each(sandbox: Sandbox, deaths: int) -> set[int]:
    """Kill the child that has a picture in hand, as often as this; each is another one."""
    killed: set[int] = set()
    with anyio.fail_after(120):
        while len(killed) < deaths:
            for child in [one for one in list(sandbox._busy) if one.landlock is not None]:
                if child.pid not in killed and child.is_alive:
                    os.kill(child.pid, signal.SIGKILL)
                    killed.add(child.pid)
            await anyio.sleep(0.005)
    return killed


async def test_picture_whose_child_is_killed_is_done_by_another(
    photo: Path, large_photo: Path, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox:
        await sandbox.probe(photo)
        made: list[Rendition] = []

        async def ask() -> None:
            made.extend((await sandbox.render(large_photo, tmp_path)).renditions)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            killed = await kill_each(sandbox, 2)
        assert [(tmp_path / name).stat().st_size for name in ("320.webp", "2048.jpg")] == [
            one.size_bytes for one in made if one.key in ("320", "2048")
        ]
        assert (await sandbox.probe(photo)).width == 900
    assert not any(is_running(pid) for pid in killed)


async def test_picture_that_ends_three_children_is_told_to_be_the_cause(
    photo: Path, large_photo: Path, tmp_path: Path
) -> None:
    async with Sandbox() as sandbox:
        causes = []

        async def ask() -> None:
            try:
                await sandbox.render(large_photo, tmp_path)
            except DecoderDiedError as error:
                causes.append((error.code, error.deaths, error.reason.en))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            killed = await kill_each(sandbox, 3)
        assert causes == [("photo.killed_decoder", 3, "the system ended the decoder")]
        assert list(tmp_path.glob("*.webp")) == []
        assert (await sandbox.probe(photo)).width == 900
    assert not any(is_running(pid) for pid in killed)


async def test_child_that_died_idle_costs_no_picture(photo: Path) -> None:
    async with Sandbox() as sandbox:
        await sandbox.probe(photo)
        pid = only_child(sandbox).pid
        os.kill(pid, signal.SIGKILL)
        await wait_until(lambda: not only_child(sandbox).is_alive)
        assert (await sandbox.probe(photo)).width == 900
        assert not is_running(pid)


async def test_child_over_its_wall_clock_is_ended(large_photo: Path) -> None:
    async with Sandbox(limits=Limits(wall_s=0.05)) as sandbox:
        start = time.monotonic()
        with pytest.raises(InvalidInputError) as caught:
            await sandbox.probe(large_photo)
        assert time.monotonic() - start < 30
        assert (sandbox._idle, sandbox._busy) == ([], set())
    assert isinstance(caught.value, DecoderDiedError)
    assert caught.value.reason.en == "decoding took more than 0.05 seconds"


async def test_child_over_its_cpu_is_ended_and_says_why(large_photo: Path) -> None:
    async with Sandbox(limits=Limits(cpu_s=-1)) as sandbox:  # one second is always added
        with pytest.raises(DecoderDiedError) as caught:
            await sandbox.probe(large_photo)
    assert caught.value.reason.zh == "解码超过 -1 秒没有结果"


async def test_child_over_its_memory_says_so(large_photo: Path) -> None:
    async with Sandbox(limits=Limits(memory_bytes=300 * MIB)) as sandbox:
        with pytest.raises(TooLargeError) as caught:
            await sandbox.probe(large_photo)
    assert caught.value.code == "photo.needs_memory"


async def test_child_over_its_file_size_refuses_and_leaves_nothing(
    photo: Path, tmp_path: Path
) -> None:
    out_dir = tmp_path / "out"
    out_dir.mkdir()
    async with Sandbox(limits=Limits(file_bytes=1000)) as sandbox:
        with pytest.raises(InvalidInputError) as caught:
            await sandbox.render(photo, out_dir)
    assert caught.value.code == "photo.undecodable"
    assert list(out_dir.iterdir()) == []


async def test_child_is_confined_and_holds_no_file_between_pictures(photo: Path) -> None:
    async with Sandbox() as sandbox:
        await sandbox.probe(photo)
        child = only_child(sandbox)
        status = Path(f"/proc/{child.pid}/status").read_text()
        held = [str(path.readlink()) for path in Path(f"/proc/{child.pid}/fd").iterdir()]
    assert "NoNewPrivs:\t1" in status
    assert [name for name in held if name.startswith("/") and name != "/dev/null"] == []


async def test_pictures_wait_until_their_pixels_are_free(large_photo: Path) -> None:
    """Two children, room for one such picture: both are read, never at the same time."""
    async with Sandbox(max_pixels=100_000_000, children=2) as sandbox:
        least = []

        async def watch() -> None:
            while True:
                least.append(sandbox._budget.free)
                await anyio.sleep(0.002)

        async with anyio.create_task_group() as watching:
            watching.start_soon(watch)
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(sandbox.probe, large_photo)
            watching.cancel_scope.cancel()
        assert min(least) == 36_000_000
        assert sandbox._budget.free == 100_000_000


async def test_child_is_replaced_after_many_files(photo: Path) -> None:
    async with Sandbox(limits=Limits(files_per_child=2)) as sandbox:
        pids = []
        for _ in range(4):
            await sandbox.probe(photo)
            pids += [child.pid for child in sandbox._idle]
        assert len(pids) == 2
        assert len(set(pids)) == 2
        assert not any(is_running(pid) for pid in pids)


async def test_sandbox_works_on_as_many_pictures_as_it_has_children(photo: Path) -> None:
    async with Sandbox(children=2) as sandbox:
        widths = []

        async def ask() -> None:
            widths.append((await sandbox.probe(photo)).width)

        async with anyio.create_task_group() as tasks:
            for _ in range(12):
                tasks.start_soon(ask)
        assert widths == [900] * 12
        assert len(sandbox._idle) <= 2
        assert sum(child.served for child in sandbox._idle) == 12


async def test_what_comes_in_is_looked_at_while_pictures_are_made(
    photo: Path, tmp_path: Path
) -> None:
    async with Sandbox(children=1) as sandbox, anyio.create_task_group() as tasks:
        tasks.start_soon(sandbox.render, photo, tmp_path)
        while not sandbox._busy:
            await anyio.sleep(0.002)
        (renders,) = sandbox._busy
        os.kill(renders.pid, signal.SIGSTOP)
        assert (await sandbox.probe(photo)).width == 900
        assert renders in sandbox._busy
        os.kill(renders.pid, signal.SIGCONT)


async def test_child_sees_nothing_of_our_environment(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIRDWATCH_DATABASE", "postgres://secret")
    async with Sandbox() as sandbox:
        await sandbox.probe(photo)
        environment = Path(f"/proc/{only_child(sandbox).pid}/environ").read_bytes()
    assert b"BIRDWATCH" not in environment


async def test_closed_sandbox_leaves_no_process_and_takes_no_picture(photo: Path) -> None:
    sandbox = Sandbox()
    await sandbox.probe(photo)
    pid = only_child(sandbox).pid
    await sandbox.close()
    await sandbox.close()
    assert not is_running(pid)
    with pytest.raises(UnavailableError) as caught:
        await sandbox.probe(photo)
    assert caught.value.code == "imaging.closed"


async def test_closing_does_not_call_a_picture_broken(large_photo: Path, tmp_path: Path) -> None:
    sandbox = Sandbox()
    codes = []

    async def ask() -> None:
        try:
            await sandbox.render(large_photo, tmp_path)
        except UnavailableError as error:
            codes.append(error.code)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await wait_until(lambda: bool(sandbox._busy))
        await sandbox.close()
    assert codes == ["imaging.closed"]


async def test_cancelled_request_leaves_the_sandbox_usable(photo: Path, large_photo: Path) -> None:
    async with Sandbox() as sandbox:
        with anyio.move_on_after(0.05):
            await sandbox.probe(large_photo)
        assert (await sandbox.probe(photo)).width == 900


async def test_child_that_cannot_start_blames_no_picture(photo: Path) -> None:
    async with Sandbox(limits=Limits(file_bytes=2**70)) as sandbox:
        with pytest.raises(UnavailableError) as caught:
            await sandbox.probe(photo)
        assert (sandbox._idle, sandbox._busy) == ([], set())
    assert caught.value.code == "imaging.unavailable"


def test_child_over_its_cpu_is_ended_by_the_system() -> None:
    script = "from birdwatch.imaging.child import limit_cpu\nlimit_cpu(0)\nwhile True: pass\n"
    ended = subprocess.run([sys.executable, "-c", script], check=False, timeout=60)
    assert ended.returncode == -signal.SIGXCPU


def test_child_ends_when_its_parent_is_killed(photo: Path, tmp_path: Path) -> None:
    script = (
        "import sys, time, pathlib\n"
        "from birdwatch.imaging.decoder import Child, Limits\n"
        "print(Child(Limits()).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 10
    while _is_child(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _is_child(pid)


def _is_child(pid: int) -> bool:
    """Whether it still runs; an orphan may wait as a zombie for whoever adopts it."""
    with contextlib.suppress(FileNotFoundError):
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    return False

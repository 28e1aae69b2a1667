"""What hostile files cost: each one's time and memory in the decoder, and that we do not move.

Decodes every file of the given folders and every bomb of tests/bombs.py through the sandbox, probe
and renditions, while a task of the main process wakes every 5 ms. Prints the slowest and the
largest, how each was answered, the latest that the task woke, and how our own memory grew.

    python -m bench.hostile [FOLDER ...]
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio

from birdwatch.domain.errors import BirdwatchError
from birdwatch.imaging.sandbox import Sandbox
from tests.bombs import REFUSED, TAKEN
from tests.pictures import make_jpeg

BEAT_S = 0.005
TARGET_S = 60.0  # the CPU a child is given
TARGET_MIB = 1024  # its address space
TARGET_LATE_MS = 100
TARGET_GROWTH_MIB = 16


@dataclass
class Cost:
    """What one file took."""

    name: str
    seconds: float
    mib: float
    told: str


def memory_mib(pid: int | str, what: str) -> float:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def files_of(folders: list[Path], made: Path) -> Iterator[tuple[str, Path]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path.name, path
    for name, make in {**REFUSED, **TAKEN}.items():
        path = made / "bomb"
        path.write_bytes(make())
        yield name, path


async def measure(sandbox: Sandbox, name: str, path: Path, out: Path) -> Cost:
    start, told = time.monotonic(), "taken"
    before = {child.pid: child for child in sandbox.idle_children}
    for pid in before:
        forget_peak(pid)
    try:
        await sandbox.probe(path)
        await sandbox.render(path, out)
    except BirdwatchError as error:
        told = error.code
    seconds = time.monotonic() - start
    mib = max((memory_mib(child.pid, "VmHWM") for child in sandbox.idle_children), default=0.0)
    if before and set(before) != {child.pid for child in sandbox.idle_children}:
        told += ", the decoder died"
    return Cost(name, seconds, mib, told)


async def run(folders: list[Path]) -> int:
    costs: list[Cost] = []
    late: list[float] = []

    async def beat() -> None:
        while True:
            start = time.monotonic()
            await anyio.sleep(BEAT_S)
            late.append(time.monotonic() - start - BEAT_S)

    with tempfile.TemporaryDirectory() as folder:
        made, out = Path(folder) / "made", Path(folder) / "out"
        made.mkdir()
        out.mkdir()
        async with Sandbox() as sandbox:
            plain = made / "plain"
            plain.write_bytes(make_jpeg(640, 480))
            await measure(sandbox, "warm up", plain, out)
            landlock = sandbox.idle_children[0].landlock
            grown = 0.0
            for name, path in files_of(folders, made):
                before_mib = memory_mib("self", "VmRSS")
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(beat)
                    costs.append(await measure(sandbox, name, path, out))
                    tasks.cancel_scope.cancel()
                grown += max(0.0, memory_mib("self", "VmRSS") - before_mib)
            after = await measure(sandbox, "a plain photo, after all of them", plain, out)
    return report(costs, late, grown, after, landlock)


def report(
    costs: list[Cost], late: list[float], grown: float, after: Cost, landlock: int | None
) -> int:
    print(f"{len(costs)} files, Landlock version {landlock}")
    for told, number in Counter(cost.told for cost in costs).most_common():
        print(f"  {number:4} {told}")
    for title, key in (("slowest", "seconds"), ("largest", "mib")):
        print(title)
        for cost in sorted(costs, key=lambda cost: -getattr(cost, key))[:5]:
            print(f"  {cost.seconds:6.2f} s {cost.mib:6.0f} MiB  {cost.name} ({cost.told})")
    worst_s, worst_mib = max(c.seconds for c in costs), max(c.mib for c in costs)
    late_ms = max(late) * 1000
    print(f"worst time     {worst_s:7.2f} s     (limit {TARGET_S:.0f})")
    print(f"worst memory   {worst_mib:7.0f} MiB   (limit {TARGET_MIB})")
    print(f"main process   woke at most {late_ms:.1f} ms late (target {TARGET_LATE_MS}),")
    print(f"               grew by {grown:.1f} MiB (target {TARGET_GROWTH_MIB})")
    print(f"afterwards     {after.name}: {after.told} in {after.seconds:.2f} s")
    is_well = (
        worst_s <= TARGET_S
        and worst_mib <= TARGET_MIB
        and late_ms <= TARGET_LATE_MS
        and grown <= TARGET_GROWTH_MIB
        and after.told == "taken"
        and not any("died" in cost.told for cost in costs)
    )
    return 0 if is_well else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folders", type=Path, nargs="*")
    return anyio.run(run, parser.parse_args().folders)


if __name__ == "__main__":
    sys.exit(main())

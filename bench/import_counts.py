"""How fast counts come in, beside `sqlite-utils insert` of the same file, and how much memory it takes.

    python bench/import_counts.py [rows ...]          10000 100000 1000000 unless told otherwise

Each run is a process of its own: ours through the same door as `birdwatch import counts` (checked,
grouped into surveys, written with history, indexes and daily counts), theirs the plain
insertion of the same rows as text. Both write a new SQLite file on the same disk. Needs the package
sqlite-utils (requirements-bench.txt). Status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITES = ("sidaogou", "liaobin", "honghaitan", "yongyuanjiao", "gaizhou-xihai", "bayuquan")
SPECIES_OF_A_SURVEY = 20
TARGET_RATIO = 0.2
# The import itself stays at some 85 MiB; SQLite's page cache and sorter fill up to 16 MiB each.
TARGET_PEAK_MIB = 160


def main() -> int:
    """Measure, print a table, and say whether the targets are met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("rows", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument(
        "--sqlite-utils", default="sqlite-utils", help="the program to compare with"
    )
    parser.add_argument("--child", choices=["ours"], help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        asyncio.run(_import(arguments.path))
        return 0
    return _compare(sorted(arguments.rows), arguments.sqlite_utils)


def _compare(sizes: list[int], sqlite_utils: str) -> int:
    print(f"{'rows':>9} {'birdwatch':>14} {'sqlite-utils':>14} {'ratio':>6} {'peak MiB':>9}")
    ratios, peaks = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in sizes:
            table = folder / f"{rows}.csv"
            write_table(table, rows)
            ours, peak = _run(
                [sys.executable, __file__, "--child", "ours", "--path", str(table)], folder
            )
            target = [f"{rows}-utils.db", "counts", str(table)]
            theirs, _ = _run([sqlite_utils, "insert", *target, "--csv", "--silent"], folder)
            ratios.append(theirs / ours)
            peaks.append(peak)
            print(
                f"{rows:>9,} {rows / ours:>10,.0f} r/s {rows / theirs:>10,.0f} r/s"
                f" {theirs / ours:>6.2f} {peak:>9.0f}"
            )
    print(f"ratio at {sizes[-1]:,} rows {ratios[-1]:.2f} (target {TARGET_RATIO} or more)")
    print(f"memory at most {max(peaks):.0f} MiB (target {TARGET_PEAK_MIB} or less)")
    return 0 if ratios[-1] >= TARGET_RATIO and max(peaks) <= TARGET_PEAK_MIB else 1


def _run(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak memory in MiB of a command, with the start of Python itself in both."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: status {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_maxrss * unit / 2**20


async def _import(table: Path) -> None:
    """Our side, in a process that does nothing else."""
    # Only this side of the comparison needs the package.
    from birdwatch.domain.policy import SYSTEM  # noqa: PLC0415
    from birdwatch.intake.table_import import import_counts  # noqa: PLC0415
    from birdwatch.storage.db import open_database  # noqa: PLC0415

    db = await open_database(f"sqlite://{table.with_suffix('.db')}")
    report = await import_counts(db, table, actor=SYSTEM, now=datetime.now(UTC))
    await db.close()
    if report.errors or not report.surveys:
        raise SystemExit(f"refused: {report.errors[:3]}")


def write_table(path: Path, rows: int) -> None:
    """Counts of as many surveys as it takes: twenty species each, over some springs and sites."""
    codes = species_codes()
    first = date(1960, 3, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", "start", "site", "species", "best", "observers", "complete"])
        for number in range(rows):
            survey, species = divmod(number, SPECIES_OF_A_SURVEY)
            on = first + timedelta(days=survey // len(SITES) % 24_000)
            writer.writerow(
                [
                    on.isoformat(),
                    f"{5 + survey % 12:02}:30",
                    SITES[survey % len(SITES)],
                    codes[(survey * 7 + species) % len(codes)],
                    (number * 7919) % 5000,
                    "observer",
                    1,
                ]
            )


def species_codes() -> list[str]:
    """Codes of the species table of the package."""
    seed = ROOT / "birdwatch" / "storage" / "seed" / "species.csv"
    with seed.open(encoding="utf-8", newline="") as file:
        return [row["code"] for row in csv.DictReader(file)]


if __name__ == "__main__":
    sys.exit(main())

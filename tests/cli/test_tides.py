"""`birdwatch import tides`, run as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.test_commands import Shell
from tests.intake.test_tides import STATION, TABLE


def test_tide_table_and_constants_are_imported_with_a_line_of_what_came(
    tmp_path: Path, database_url: str
) -> None:
    shell = Shell(tmp_path / "home", database_url)
    table, constants = tmp_path / "port.csv", tmp_path / "near.json"
    table.write_text(TABLE, "gb18030")
    constants.write_text(json.dumps({**STATION, "latitude": 30.0}), "utf-8")
    done = shell.run("import", "tides", table, "--site", "liaobin", "--source", "Tables 2026")
    assert (done.returncode, done.stdout.strip()) == (
        0,
        "Imported the tide table of port: 4 high and low waters, 2026-04-19 – 2026-04-20.",
    )
    far = shell.run("import", "tides", constants)
    assert far.returncode == 1
    assert "km from the nearest site" in far.stderr
    wanted = shell.run("import", "tides", constants, "--far", BIRDWATCH_LOCALE="zh")
    assert wanted.stdout.splitlines() == [
        "已导入 Near 的 2 个分潮，潮汐由此推算。",
        "未用的分潮：Z99。",
    ]
    wrong = shell.run("import", "tides", table, "--site", "nowhere")
    assert (wrong.returncode, "liaobin" in wrong.stderr) == (1, True)

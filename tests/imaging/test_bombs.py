"""Bombs of every format, polyglots, hidden frames, data after the end: answered in words, by the child.

Times and memory are measured by bench/hostile.py; here it is that each has an answer, that the
children live through it, and that nothing of what hides in a picture is shown.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from birdwatch.domain.errors import BirdwatchError
from birdwatch.imaging.sandbox import DecoderDiedError, Sandbox
from tests.bombs import REFUSED, SLOW, TAKEN

SKIPPED = frozenset() if os.environ.get("BIRDWATCH_TEST_BOMBS") == "all" else SLOW
HOSTILE = Path(os.environ.get("BIRDWATCH_TEST_DATA", "../shared/data")) / "hostile"
pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def sandbox(anyio_backend: str) -> AsyncIterator[Sandbox]:
    async with Sandbox() as sandbox:
        yield sandbox


def pids(sandbox: Sandbox) -> list[int]:
    return [child.pid for child in sandbox._idle]


@pytest.mark.parametrize("name", [name for name in REFUSED if name not in SKIPPED])
async def test_bomb_is_refused_in_words(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(REFUSED[name]())
    before = pids(sandbox)
    with pytest.raises(BirdwatchError) as caught:
        await sandbox.probe(path)
    assert not isinstance(caught.value, DecoderDiedError)
    assert caught.value.text.zh
    assert caught.value.text.en
    assert before in ([], pids(sandbox))


@pytest.mark.parametrize("name", [name for name in TAKEN if name not in SKIPPED])
async def test_what_hides_in_a_picture_is_not_shown(
    sandbox: Sandbox, tmp_path: Path, name: str
) -> None:
    path, out = tmp_path / "picture", tmp_path / "out"
    path.write_bytes(TAKEN[name]())
    out.mkdir()
    before = pids(sandbox)
    found = await sandbox.probe(path)
    assert found.width * found.height <= 100_000_000
    result = await sandbox.render(path, out)
    for made in result.renditions:
        assert made.width * made.height <= 2048 * 2048
    shown = b"".join(one.read_bytes() for one in out.iterdir())
    for hidden in (b"<script>", b"PK\x03\x04", b"haha"):
        assert hidden not in shown
    assert before in ([], pids(sandbox))


@pytest.mark.skipif(not HOSTILE.is_dir(), reason="the folder of hostile files is not here")
async def test_every_known_crasher_is_answered(sandbox: Sandbox, tmp_path: Path) -> None:
    told = {}
    for path in sorted(HOSTILE.rglob("*")):
        if path.is_file():
            try:
                await sandbox.probe(path)
                await sandbox.render(path, tmp_path)
                told[path.name] = "taken"
            except BirdwatchError as error:
                told[path.name] = error.code
    assert len(told) > 40
    assert "photo.killed_decoder" not in told.values()

"""The clients that people have, each with 50 MB over a line that breaks: tuspy, aiotus,
tus-js-client and Uppy.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import anyio
import httpx
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token, hash_password
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person
from tests.client.lines import Line, line_to
from tests.serving import serving, variables
from tests.suites import ROOT, needs

# From the machine, or from the package that scripts/test takes where there is none.
NODE = shutil.which("node") or shutil.which("node", path=Path(sys.executable).parent)
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
MODULES = ROOT / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
CUTS, MOST_BYTES, TIMEOUT_S = 8, 10_000_000, 300
LOGIN, PASSWORD = "guoying", "low tide at dawn"
TUSPY = """
import sys
from tusclient.client import TusClient
base, token, path = sys.argv[1:]
client = TusClient(base + "/api/v1/uploads", headers={"Authorization": "Bearer " + token})
for _ in range(20):  # beginning is the one request that it does not repeat itself
    try:
        sender = client.uploader(path, chunk_size=4 << 20, retries=30, retry_delay=0.1,
            metadata={"filename": "tuspy.png"}, upload_checksum=True)
        sender.set_url(sender.create_url())
        break
    except Exception as error:
        print(repr(error), file=sys.stderr)
sender.upload()
print(sender.url)
"""
AIOTUS = """
import asyncio, sys
import aiotus
base, token, path = sys.argv[1:]
async def main():
    with open(path, "rb") as file:
        print(await aiotus.upload(base + "/api/v1/uploads", file, {"filename": b"aiotus.png"},
            headers={"Authorization": "Bearer " + token},
            config=aiotus.RetryConfiguration(retry_attempts=40, max_retry_period_seconds=0.2)))
asyncio.run(main())
"""
TUS_JS = """
import { createReadStream, readFileSync, statSync } from 'node:fs'
import * as tus from 'tus-js-client'
const [base, token, path, parallel] = process.argv.slice(2)
const source = parallel === '1' ? createReadStream(path) : readFileSync(path)
const upload = new tus.Upload(source, {
  endpoint: base + '/api/v1/uploads', chunkSize: 8 << 20, parallelUploads: Number(parallel),
  uploadSize: parallel === '1' ? statSync(path).size : null, headers: { Authorization: 'Bearer ' + token },
  retryDelays: Array(40).fill(100), metadata: { filename: 'tus-js.png' },
  onError: (error) => { console.error(String(error)); process.exit(1) },
  onSuccess: () => console.log(upload.url),
})
upload.start()
"""
UPPY = """
import Uppy from '@uppy/core'
import Tus from '@uppy/tus'
window.send = async (input, csrf) => {
  const uppy = new Uppy()
  uppy.use(Tus, { endpoint: '/api/v1/uploads', chunkSize: 8 << 20,
    headers: { 'X-CSRF-Token': csrf }, retryDelays: Array(40).fill(100) })
  uppy.addFile({ name: 'uppy.png', type: 'image/png', data: input.files[0] })
  const result = await uppy.upload()
  if (result.failed.length) throw new Error(String(result.failed[0].error))
  return result.successful[0].uploadURL
}
"""


@dataclass
class Served:
    """A running archive, and a token of its one contributor."""

    base: str
    port: int
    token: str

    def check(self, address: str, path: Path) -> None:
        """The upload at this address is a photo whose original has every byte of the file."""
        headers = {"Authorization": f"Bearer {self.token}"}
        place = address[address.index("/api/") :]
        state = httpx.get(self.base + place, headers=headers).json()
        assert (state["state"], state["error"]) == ("done", None)
        photo = state["photo"].rpartition("/")[2]
        answer = httpx.get(f"{self.base}/media/{photo}/original", headers=headers, timeout=60)
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(path.read_bytes()).digest()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("clients")
    token = anyio.run(_fill, home)
    with serving(variables(BIRDWATCH_HOME=str(home))) as running:
        yield Served(running.base, running.port, token)


async def _fill(home: Path) -> str:
    now = datetime.now(UTC)
    async with open_archive(Settings(home=home)) as archive:
        async with archive.db.write(SYSTEM, now) as tx:
            person = await add_person(
                tx, LOGIN, hash_password(PASSWORD), "contributor", Text("国颖", "Guo Ying")
            )
        async with archive.db.write(SYSTEM, now) as tx:
            return await create_token(tx, person.id, "clients", ("upload", "read"))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """50 MB that no client can make smaller."""
    side = 4096
    image = Image.frombytes("RGB", (side, side), os.urandom(side * side * 3))
    buffer = BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    path = tmp_path / "noise.png"
    path.write_bytes(buffer.getvalue())
    assert path.stat().st_size > 50_000_000
    return path


@pytest.fixture
def line(served: Served) -> Iterator[Line]:
    with line_to(served.port, cuts=CUTS, most_bytes=MOST_BYTES) as opened:
        yield opened


def run(*command: str, cwd: Path | None = None) -> str:
    """What the client says last; what it complains of is shown with a failure."""
    done = subprocess.run(
        command, cwd=cwd or ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.mark.parametrize(("package", "script"), [("tusclient", TUSPY), ("aiotus", AIOTUS)])
def test_python_client_uploads_through_a_cut_line(
    served: Served, line: Line, picture: Path, package: str, script: str
) -> None:
    needs(importlib.util.find_spec(package), f"{package} of requirements-dev.txt")
    said = run(sys.executable, "-c", script, line.base, served.token, str(picture))
    served.check(said, picture)
    assert line.was_cut > 2


@pytest.mark.parametrize("parallel", ["1", "3"])
def test_tus_js_client_uploads_through_a_cut_line(
    served: Served, line: Line, picture: Path, tmp_path: Path, parallel: str
) -> None:
    needs(NODE, "node")
    needs((MODULES / "tus-js-client").is_dir(), "tus-js-client in node_modules: npm ci")
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "send.mjs").write_text(TUS_JS)
    command = (NODE or "", "send.mjs", line.base, served.token, str(picture), parallel)
    served.check(run(*command, cwd=tmp_path), picture)
    assert line.was_cut > 2


def test_uppy_in_chromium_uploads_through_a_cut_line(
    served: Served, line: Line, picture: Path, tmp_path: Path
) -> None:
    needs(CHROMIUM, "chromium")
    needs(ESBUILD.is_file(), "esbuild in node_modules: npm ci")
    needs((MODULES / "@uppy" / "tus").is_dir(), "@uppy/core and @uppy/tus in node_modules: npm ci")
    (tmp_path / "node_modules").symlink_to(MODULES)
    (tmp_path / "uppy.mjs").write_text(UPPY)
    bundle = tmp_path / "bundle.js"
    run(str(ESBUILD), "uppy.mjs", "--bundle", f"--outfile={bundle}", "--metafile=/dev/stdout",
        cwd=tmp_path)  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        context = browser.new_context(bypass_csp=True)
        direct = context.new_page()
        direct.goto(f"{served.base}/sign-in")
        direct.fill("input[name=login]", LOGIN)
        direct.fill("input[name=password]", PASSWORD)
        direct.press("input[name=password]", "Enter")
        direct.wait_for_url("**/*")
        direct.goto(f"{served.base}/account")
        csrf = direct.locator("input[name=csrf]").first.input_value()
        page = context.new_page()  # cookies know no ports, and the line has one of its own
        page.goto(f"{line.base}/sign-in")
        page.set_content("<input type=file id=file>")
        page.add_script_tag(path=bundle)
        page.set_input_files("#file", picture)
        page.set_default_timeout(TIMEOUT_S * 1000)
        said = page.evaluate("csrf => window.send(document.querySelector('#file'), csrf)", csrf)
        browser.close()
    served.check(said, picture)
    assert line.was_cut > 2

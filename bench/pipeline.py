"""Photos a second from first byte to all four renditions, beside Node and sharp doing the same.

    python -m bench.pipeline [--photos 200] [--node-modules DIR]

Both are servers that take 24-megapixel JPEGs over HTTP from the same client, four at a time, and
have both cores. Ours hashes, syncs, probes, records and renders as in production, with two
decoders; sharp's writes the file and makes the same four renditions from the original. It is run
with two and with four photos at a time, and its better run counts; its own threads, cache and
SIMD are as they come, since no other setting took less CPU. The clock runs from the first byte
sent to the last rendition written. The CPU of each server and its children is told too: on a
machine that does other work the ratio of it is the steadier figure. DIR is a node_modules with
sharp; without one it is installed for the run.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench.renditions import draw_photo
from birdwatch.domain.policy import SYSTEM
from birdwatch.domain.text import Text
from birdwatch.http.accounts import create_token
from birdwatch.imaging.renditions import JPEG_QUALITY, WEB_SIZES, WEBP_METHOD, WEBP_QUALITY
from birdwatch.intake.archive import open_archive
from birdwatch.settings import Settings
from birdwatch.storage.people import add_person

TARGET_RATIO = 1.3
SENDERS = 4
DECODERS = 2
SHARP_AT_A_TIME = (2, 4)
LOOK_SHARE = 50  # waiting for the end takes a fiftieth of a core: the files of 200 photos are many
RENDITIONS = len(WEB_SIZES) + 1
SHARP = """
const http = require("http"), fs = require("fs"), sharp = require("sharp");
const [port, folder] = process.argv.slice(2);
let running = 0;
const waiting = [];
async function render(name) {
  const source = `${folder}/${name}.src`;
  for (const size of %(sizes)s) {
    await sharp(source).rotate().resize(size, size, {fit: "inside", withoutEnlargement: true})
      .webp({quality: %(webp)d, effort: %(effort)d}).toFile(`${folder}/${name}-${size}.webp`);
  }
  await sharp(source).rotate().resize(2048, 2048, {fit: "inside", withoutEnlargement: true})
    .jpeg({quality: %(jpeg)d}).toFile(`${folder}/${name}-2048.jpg`);
}
function next() {
  while (running < %(parallel)d && waiting.length) {
    running++;
    render(waiting.shift()).finally(() => { running--; next(); });
  }
}
let count = 0;
http.createServer((request, response) => {
  const name = String(count++);
  const file = fs.createWriteStream(`${folder}/${name}.src`);
  request.pipe(file);
  file.on("finish", () => { waiting.push(name); next(); response.writeHead(201); response.end(); });
}).listen(Number(port), "127.0.0.1");
"""


def numbered(photo: bytes, number: int) -> bytes:
    """The same picture as another file: a comment of its own after the first mark."""
    comment = f"{number:016}".encode()
    return photo[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + photo[2:]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def cpu_s() -> float:
    """The CPU of all processes that have ended under us."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def report(name: str, number: int, seconds: float, sent: float, cpu: float) -> tuple[float, float]:
    print(
        f"{name:<10} {number / seconds:6.2f} photos/s ({seconds:.1f} s, all sent by {sent:.1f}),"
        f" {cpu / number * 1000:.0f} ms of CPU a photo"
    )
    return number / seconds, cpu / number


@contextmanager
def serving(command: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(60)


def send_all(port: int, path: str, headers: dict[str, str], photo: bytes, number: int) -> None:
    def send(one: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=600)
        said = {"Content-Type": "image/jpeg", **headers}
        connection.request("POST", path, numbered(photo, one), said)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 201, answer.status

    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(send, range(number)))


def wait_for(folder: Path, patterns: tuple[str, ...], number: int) -> None:
    """Until so many renditions lie there; they get their names when they are whole, or nearly."""
    while True:
        before = time.thread_time()
        if sum(len(list(folder.glob(pattern))) for pattern in patterns) >= number:
            return
        time.sleep(max(0.05, LOOK_SHARE * (time.thread_time() - before)))


async def make_home(home: Path) -> str:
    """An archive with one person, and their token."""
    async with open_archive(Settings(home=home)) as archive:
        with archive.db.activate():
            async with archive.db.write(SYSTEM, datetime.now(UTC)) as tx:
                person = await add_person(
                    tx, "bench", "-", "contributor", Text("bench", "bench"), trust="trusted"
                )
                return await create_token(tx, person.id, "bench", ("upload",))


def measure_ours(folder: Path, photo: bytes, number: int) -> tuple[float, float]:
    home, port = folder / "home", free_port()
    token = asyncio.run(make_home(home))
    environment = {
        **os.environ,
        "BIRDWATCH_HOME": str(home),
        "BIRDWATCH_PORT": str(port),
        "BIRDWATCH_RENDER_CHILDREN": str(DECODERS),
        "BIRDWATCH_LOG_LEVEL": "warning",
    }
    before = cpu_s()
    with serving([sys.executable, "-m", "birdwatch", "serve"], port, environment):
        start = time.monotonic()
        send_all(port, "/api/v1/photos", {"Authorization": f"Bearer {token}"}, photo, number)
        sent = time.monotonic() - start
        patterns = ("renditions/*/*/*.webp", "renditions/*/*/*.jpg")
        wait_for(home, patterns, RENDITIONS * number)
        seconds = time.monotonic() - start
    return report("birdwatch", number, seconds, sent, cpu_s() - before)


def measure_sharp(
    folder: Path, modules: Path, photo: bytes, number: int, at_a_time: int
) -> tuple[float, float]:
    out, port = folder / f"sharp-{at_a_time}", free_port()
    out.mkdir()
    script = folder / "server.cjs"
    script.write_text(
        SHARP
        % {
            "sizes": list(WEB_SIZES),
            "webp": WEBP_QUALITY,
            "effort": WEBP_METHOD,
            "jpeg": JPEG_QUALITY,
            "parallel": at_a_time,
        }
    )
    environment = {**os.environ, "NODE_PATH": str(modules)}
    before = cpu_s()
    with serving(["node", str(script), str(port), str(out)], port, environment):
        start = time.monotonic()
        send_all(port, "/", {}, photo, number)
        sent = time.monotonic() - start
        wait_for(out, ("*-2048.jpg",), number)
        seconds = time.monotonic() - start
    return report(f"sharp, {at_a_time}", number, seconds, sent, cpu_s() - before)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--node-modules", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        modules = arguments.node_modules
        if modules is None:
            install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", name]
            subprocess.run([*install, "sharp"], check=True)
            modules = folder / "node_modules"
        draw_photo(folder / "photo.jpg", 6000, 4000)
        photo = (folder / "photo.jpg").read_bytes()
        print(f"{arguments.photos} photos of 24 megapixels, {len(photo) / 1e6:.1f} MB each")
        ours, ours_cpu = measure_ours(folder, photo, arguments.photos)
        sharp, sharp_cpu = max(
            measure_sharp(folder, modules.resolve(), photo, arguments.photos, at_a_time)
            for at_a_time in SHARP_AT_A_TIME
        )
    print(f"ratio      {ours / sharp:6.2f} of photos/s (target >= {TARGET_RATIO}),", end="")
    print(f" {sharp_cpu / ours_cpu:.2f} by CPU")
    return int(ours / sharp < TARGET_RATIO)


if __name__ == "__main__":
    sys.exit(main())

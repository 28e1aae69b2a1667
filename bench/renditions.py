"""CPU of the four renditions of a 24-megapixel JPEG, beside npm `sharp` making the same four.

Both make them at the same quality and WebP effort, N times in one process; the CPU of an empty
run is taken off. sharp starts from the original each time, as its users do. Then the memory
that our child needs for 60 megapixels. Needs Node and npm; sharp goes to a temporary folder.

    python bench/renditions.py [--photo FILE] [--times 5]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from birdwatch.domain.photo import RENDITION_SIZES
from birdwatch.imaging.budget import PixelBudget
from birdwatch.imaging.decoder import Child, Limits
from birdwatch.imaging.probe import MAX_PIXELS
from birdwatch.imaging.protocol import Answer, ProbeRequest, RenderAnswer, RenderRequest, Request
from birdwatch.imaging.renditions import (
    JPEG_QUALITY,
    WEB_SIZES,
    WEBP_METHOD,
    WEBP_QUALITY,
    rendition_name,
)

TARGET_RATIO = 0.75
TARGET_MIB = 400
SHARP = """
const sharp = require("sharp");
const [source, out, times] = process.argv.slice(2);
async function main() {
  for (let n = 0; n < Number(times); n++) {
    for (const size of %(sizes)s) {
      await sharp(source).rotate().resize(size, size, {fit: "inside", withoutEnlargement: true})
        .webp({quality: %(webp)d, effort: %(effort)d}).toFile(`${out}/${size}.webp`);
    }
    await sharp(source).rotate().resize(2048, 2048, {fit: "inside", withoutEnlargement: true})
      .jpeg({quality: %(jpeg)d}).toFile(`${out}/2048.jpg`);
  }
}
main();
"""


def draw_photo(path: Path, width: int, height: int, *, progressive: bool = False) -> None:
    """A picture with the detail of a photo: noise at every scale, and grain."""
    dice = random.Random(7)
    picture = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    for divisor, weight in ((256, 0.5), (64, 0.4), (16, 0.25), (4, 0.12), (1, 0.06)):
        small = (width // divisor, height // divisor)
        noise = Image.frombytes("RGB", small, dice.randbytes(3 * small[0] * small[1]))
        noise = noise.resize((width, height), Image.Resampling.BICUBIC)
        picture = Image.blend(picture, noise, weight)
    picture = ImageChops.add(picture, picture, scale=1.6, offset=-40)
    picture.save(path, "JPEG", quality=90, progressive=progressive)


def run(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command[0]} ended with {process.returncode}"
    return usage.ru_utime + usage.ru_stime


def ask(child: Child, request: Request, photo: Path, *outs: Path) -> Answer:
    """One request with the files that go with it."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(photo.open("rb")).fileno()]
        files += [stack.enter_context(out.open("wb")).fileno() for out in outs]
        return child.ask(request, files, PixelBudget(MAX_PIXELS))


def render(child: Child, photo: Path, out_dir: Path) -> None:
    outs = [out_dir / rendition_name(size) for size in RENDITION_SIZES]
    answer = ask(child, RenderRequest(MAX_PIXELS), photo, *outs)
    assert isinstance(answer, RenderAnswer)


def cpu_of(child: Child) -> float:
    """The seconds of CPU that a process has used."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_child(photo: Path, out_dir: Path, times: int) -> float:
    child = Child(Limits())
    render(child, photo, out_dir)
    start = cpu_of(child)
    for _ in range(times):
        render(child, photo, out_dir)
    used = cpu_of(child) - start
    child.close()
    return used


def run_sharp(folder: Path, photo: Path, times: int) -> float:
    return run(["node", str(folder / "bench.cjs"), str(photo), str(folder), str(times)])


def install_sharp(folder: Path) -> None:
    subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder, "sharp"],
        check=True,
    )
    script = SHARP % {
        "sizes": list(WEB_SIZES),
        "webp": WEBP_QUALITY,
        "effort": WEBP_METHOD,
        "jpeg": JPEG_QUALITY,
    }
    (folder / "bench.cjs").write_text(script)


def measure_cpu(folder: Path, photo: Path, times: int) -> float:
    with Image.open(photo) as picture:
        megapixels = picture.width * picture.height / 1e6
    print(f"{megapixels:.0f} megapixels, {photo.stat().st_size / 1e6:.1f} MB, {times} times")
    out = folder / "ours"
    out.mkdir(exist_ok=True)
    ours_s = run_child(photo, out, times) / times
    sharp_s = (run_sharp(folder, photo, times) - run_sharp(folder, photo, 0)) / times
    print(f"birdwatch      {ours_s * 1000:7.0f} ms of CPU a photo")
    print(f"sharp          {sharp_s * 1000:7.0f} ms")
    for name in ("320.webp", "800.webp", "1600.webp", "2048.jpg"):
        ours_kb, sharp_kb = (out / name).stat().st_size / 1e3, (folder / name).stat().st_size / 1e3
        print(f"  {name:<10} {ours_kb:7.0f} kB, sharp {sharp_kb:7.0f} kB")
    ratio = ours_s / sharp_s
    print(f"ratio          {ratio:7.2f}    (target <= {TARGET_RATIO})")
    return ratio


def measure_memory(folder: Path) -> float:
    peak_mib = 0.0
    for progressive in (False, True):
        photo = folder / "large.jpg"
        draw_photo(photo, 9504, 6336, progressive=progressive)
        child = Child(Limits())
        ask(child, ProbeRequest(MAX_PIXELS), photo)
        render(child, photo, folder / "ours")
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
        child.close()
        assert peak
        kind = "progressive" if progressive else "baseline"
        print(f"60 megapixels, {kind}: peak {int(peak[1]) / 1024:.0f} MiB (target < {TARGET_MIB})")
        peak_mib = max(peak_mib, int(peak[1]) / 1024)
    return peak_mib


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photo", type=Path, help="measure this JPEG instead of a drawn one")
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        install_sharp(folder)
        photo = arguments.photo
        if photo is None:
            photo = folder / "photo.jpg"
            draw_photo(photo, 6000, 4000)
        ratio = measure_cpu(folder, photo.resolve(), arguments.times)
        peak_mib = measure_memory(folder)
    return int(ratio > TARGET_RATIO or peak_mib >= TARGET_MIB)


if __name__ == "__main__":
    sys.exit(main())

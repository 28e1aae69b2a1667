"""An archive whose folders turn read-only while it runs: `python -m tests.faults.read_only HOME URL`.

In a process of its own, since root writes anywhere unless it gives that power away for good.
"""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from pathlib import Path

import anyio

from tests.pictures import make_jpeg
from tests.service import running

FOLDERS = ("incoming", "originals", "renditions")
CAPSET, VERSION_3 = 126, 0x20080522  # of x86-64
KEEPS = ~0b110  # all but writing and reading whatever the permissions say


def become_ordinary() -> None:
    """Give up what lets root write anywhere; threads begun later inherit that."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = ctypes.create_string_buffer(struct.pack("Ii", VERSION_3, 0))
    low, high = KEEPS & 0xFFFFFFFF, 0x1FF  # the kernel refuses powers it does not know
    effective = struct.unpack("6I", _own_powers(libc))
    low, high = low & effective[0], high & effective[3]
    data = struct.pack("6I", low, low, 0, high, high, 0)
    if libc.syscall(CAPSET, header, ctypes.create_string_buffer(data)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def _own_powers(libc: ctypes.CDLL) -> bytes:
    header = ctypes.create_string_buffer(struct.pack("Ii", VERSION_3, 0))
    data = ctypes.create_string_buffer(24)
    if libc.syscall(CAPSET - 1, header, data) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    return data.raw[:24]


async def main(home: Path, database: str) -> None:
    told = {}
    async with running(home, database) as service:
        li = await service.add_person("li")
        client = await service.token_client(li, "upload")
        for seed, name in enumerate((*FOLDERS, "")):
            if name:
                (home / name).chmod(0o555)
            answer = await client.post(
                "/api/v1/photos",
                content=make_jpeg(160, 120, seed=seed),
                headers={"Content-Type": "image/jpeg"},
            )
            ready = await service.visitor.get("/readyz")
            told[name] = [answer.status_code, ready.status_code]
            if name:
                (home / name).chmod(0o755)
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    become_ordinary()
    anyio.run(main, Path(sys.argv[1]), sys.argv[2])

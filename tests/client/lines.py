"""A bad line between a client and a server: a TCP proxy that cuts, dawdles, or is not there."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

READ_BYTES = 16 << 10
RESET = struct.pack("ii", 1, 0)  # closing sends a reset, as a line that breaks


@dataclass
class Line:
    """Passes bytes on to a port; each connection is cut after so many bytes of the client's."""

    port: int
    cuts: int = 0  # connections that are cut; the ones after them hold
    most_bytes: int = 1 << 20
    bytes_per_s: int = 0
    seed: int = 1
    passed: int = 0
    was_cut: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def open(self) -> None:
        self._random = random.Random(self.seed)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            except OSError:
                near.close()
                continue
            with self._guard:
                holds = self.was_cut >= self.cuts
                budget = None if holds else self._random.randrange(500, self.most_bytes)
            for one in (near, far):
                one.settimeout(None)
            threading.Thread(target=self._up, args=(near, far, budget), daemon=True).start()
            threading.Thread(target=self._down, args=(near, far), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket, budget: int | None) -> None:
        with suppress(OSError):
            while data := near.recv(READ_BYTES):
                if budget is not None and len(data) >= budget:
                    if self._may_cut():
                        far.sendall(data[:budget])
                        _break(near, far)
                        return
                    budget = None
                budget = None if budget is None else budget - len(data)
                far.sendall(data)
                self.passed += len(data)
                if self.bytes_per_s:
                    time.sleep(len(data) / self.bytes_per_s)
        with suppress(OSError):
            far.shutdown(socket.SHUT_WR)

    def _may_cut(self) -> bool:
        """Whether a cut is left; of connections opened side by side another may have had it."""
        with self._guard:
            if self.was_cut >= self.cuts:
                return False
            self.was_cut += 1
            return True

    @staticmethod
    def _down(near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := far.recv(READ_BYTES):
                near.sendall(data)
        for one in (near, far):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _break(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(
    port: int, *, cuts: int = 0, most_bytes: int = 1 << 20, bytes_per_s: int = 0, seed: int = 1
) -> Iterator[Line]:
    """A line to this port for as long as the block lasts."""
    line = Line(port, cuts, most_bytes, bytes_per_s, seed)
    line.open()
    try:
        yield line
    finally:
        line.close()

"""Takes from a process what decoding does not need: new privileges, files, and the network.

What it decodes reaches it as open files, so from here on it may open none: a picture that takes
over its decoder finds no path to read or write, no socket to leave by and nobody to signal. This is
Landlock, where the kernel has it (Linux 5.13; all of the above from 6.12); elsewhere the other
limits stand alone. One way only: a process cannot be let out again.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

PR_SET_NO_NEW_PRIVS: Final = 38
CREATE_RULESET: Final = 444  # the numbers are the same on every architecture
RESTRICT_SELF: Final = 446
VERSION_FLAG: Final = 1
NETWORK: Final = 0b11  # bind and connect, TCP
SCOPES: Final = 0b11  # abstract sockets, signals
# How many rights over files each version knows, and how long its structure is.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_LATEST_FILE_RIGHTS: Final = 16


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


def confine() -> int:
    """Give up privileges, files and network. The version of Landlock in force; 0: there is none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return 0
    version = int(libc.syscall(CREATE_RULESET, None, 0, VERSION_FLAG))
    if version < 1:
        return 0
    rights = _FILE_RIGHTS.get(version, _LATEST_FILE_RIGHTS)
    rules = _Ruleset(
        files=(1 << rights) - 1,
        network=NETWORK if version >= 4 else 0,
        scopes=SCOPES if version >= 6 else 0,
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return 0
    try:
        is_confined = libc.syscall(RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)
    return version if is_confined else 0

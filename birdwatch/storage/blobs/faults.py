"""Why the archive's folder takes no files now, in words for the reader."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from birdwatch.domain.errors import BirdwatchError, UnavailableError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def speaking() -> Iterator[None]:
    """Turn what the file system says into what the archive says."""
    try:
        yield
    except BirdwatchError:
        raise
    except OSError as error:
        raise (full() if error.errno in FULL else unwritable(error)) from error


def full() -> UnavailableError:
    """No space is left, or less than the reserve."""
    return UnavailableError(
        "storage.full",
        zh="存储空间已满，照片没有保存。请稍后再试，或通知管理员腾出空间。",
        en="The archive's disk is full; nothing was saved. Try again later, or ask the"
        " administrator to free space.",
    )


def missing() -> UnavailableError:
    """The folder is not there, or not the one on record."""
    return UnavailableError(
        "storage.missing",
        zh="存储文件夹不在，或不是原来的那一个，因此暂停写入。请管理员检查磁盘是否已挂载。",
        en="The archive's folder is missing or not the one it was, so nothing is written."
        " The administrator should check that its disk is mounted.",
    )


def unwritable(error: OSError) -> UnavailableError:
    """The file system refused; the sentence carries its reason, never a path."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return missing()
    reason = errno.errorcode.get(error.errno or 0, "EIO")
    return UnavailableError(
        "storage.unwritable",
        zh=f"存储文件夹不能写入（{reason}）。请管理员检查磁盘和权限。",
        en=f"The archive's folder cannot be written ({reason}). The administrator should check"
        " the disk and its permissions.",
    )

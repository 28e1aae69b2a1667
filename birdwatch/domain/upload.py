"""An upload that arrives in pieces, and the words of tus 1.0.0 in which its sender speaks of it.

https://tus.io/protocols/resumable-upload names the headers; how each is written is read here, and
nothing else: whether it fits the upload is decided in `intake/uploads.py`.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from birdwatch.domain.errors import MalformedError
from birdwatch.domain.ids import SHA256, is_id
from birdwatch.domain.text import Text

State = Literal["open", "done", "refused"]
Kind = Literal["whole", "partial", "final"]
Metadata = tuple[tuple[str, str], ...]
ALGORITHMS = ("sha1", "sha256")
DIGEST_BYTES = {"sha1": 20, "sha256": 32}
MAX_LENGTH = 2**53  # what a client in JavaScript can still count
MAX_PARTS = 100
WHOLE_NUMBER = re.compile(r"[0-9]{1,16}", re.ASCII)
KEY = re.compile(r"[!-+\--~]{1,100}", re.ASCII)  # visible ASCII without the comma


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload. `length` None: not known yet. `parts`: ids of what a final one was put together of.

    `partial`: one piece of a file sent over several lines, which is no photo by itself.
    """

    id: str
    owner_id: str
    state: State
    kind: Kind
    length: int | None
    metadata: Metadata
    parts: tuple[str, ...]
    created_at: datetime
    expires_at: datetime
    photo_id: str | None = None
    is_duplicate: bool = False
    error_code: str = ""
    error: Text = Text()

    def word(self, *keys: str) -> str:
        """What the sender said under the first of these keys that says anything; or nothing."""
        said = dict(self.metadata)
        return next((said[key] for key in keys if said.get(key)), "")


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one piece must hash to."""

    algorithm: str
    digest: bytes


def read_number(text: str, header: str) -> int:
    """The number of bytes that a header holds. Raises MalformedError."""
    if not WHOLE_NUMBER.fullmatch(text) or int(text) > MAX_LENGTH:
        raise MalformedError(
            "upload.number",
            zh=f"请求头 {header} 应为不小于 0 的整数（字节数）。",
            en=f"The header {header} must be a whole number of bytes, 0 or more.",
        )
    return int(text)


def read_metadata(text: str) -> Metadata:
    """The pairs of Upload-Metadata, in their order. Raises MalformedError."""
    pairs: dict[str, str] = {}
    for written in text.split(",") if text.strip() else ():
        key, _, encoded = written.strip().partition(" ")
        if not KEY.fullmatch(key) or key in pairs:
            raise _bad_metadata()
        try:
            pairs[key] = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _bad_metadata() from None
    if pairs.get("sha256") and not SHA256.fullmatch(pairs["sha256"]):
        raise MalformedError(
            "upload.sha256",
            zh="元数据 sha256 应为 64 个小写十六进制字符。",
            en="The metadata sha256 must be 64 hexadecimal digits in lower case.",
        )
    return tuple(pairs.items())


def write_metadata(metadata: Metadata) -> str:
    """The header that says these pairs: written anew, never echoed."""
    pairs = ((key, base64.b64encode(value.encode()).decode()) for key, value in metadata)
    return ",".join(f"{key} {value}".rstrip() for key, value in pairs)


def read_checksum(text: str) -> Checksum:
    """What Upload-Checksum demands. Raises MalformedError, also for algorithms we do not have."""
    algorithm, _, encoded = text.strip().partition(" ")
    try:
        digest = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != DIGEST_BYTES.get(algorithm.lower(), -1):
        raise MalformedError(
            "upload.checksum_header",
            zh="请求头 Upload-Checksum 应为 “sha1 …” 或 “sha256 …”，后跟 base64 的摘要。",
            en="The header Upload-Checksum must be “sha1 …” or “sha256 …”, then the digest in"
            " base64.",
        )
    return Checksum(algorithm.lower(), digest)


def read_concat(text: str) -> tuple[Kind, tuple[str, ...]]:
    """The kind of upload that Upload-Concat makes, and the ids that a final one is made of.

    Raises MalformedError.
    """
    kind, _, listed = text.strip().partition(";")
    if kind == "partial" and not listed:
        return "partial", ()
    addresses = listed.split()
    ids = tuple(address.rstrip("/").rpartition("/")[2] for address in addresses)
    if kind != "final" or not 1 <= len(ids) <= MAX_PARTS or not all(is_id(one) for one in ids):
        raise MalformedError(
            "upload.concat",
            zh=f"请求头 Upload-Concat 应为 “partial”，或 “final;” 后跟 1 到 {MAX_PARTS} 个分段地址。",
            en="The header Upload-Concat must be “partial”, or “final;” and the addresses of 1 to"
            f" {MAX_PARTS} partial uploads.",
        )
    return "final", ids


def _bad_metadata() -> MalformedError:
    return MalformedError(
        "upload.metadata",
        zh="请求头 Upload-Metadata 应为以逗号分隔的“键 base64值”，键不可重复，值为 UTF-8。",
        en="The header Upload-Metadata must be pairs “key base64”, separated by commas, each key"
        " once, values in UTF-8.",
    )

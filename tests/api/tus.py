"""A sender of resumable uploads that says exactly what it is told to say."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator

import httpx

from tests.service import BASE_URL

UPLOADS = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def metadata(**words: str) -> str:
    """The header Upload-Metadata of these words."""
    pairs = ((key, base64.b64encode(value.encode()).decode()) for key, value in words.items())
    return ",".join(f"{key} {value}".rstrip() for key, value in pairs)


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    """The header Upload-Checksum of this piece."""
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


async def begin(client: httpx.AsyncClient, length: int, **words: str) -> str:
    """The address of a new upload."""
    headers = {**TUS, "Upload-Length": str(length)}
    if words:
        headers["Upload-Metadata"] = metadata(**words)
    answer = await client.post(UPLOADS, headers=headers)
    assert answer.status_code == 201, answer.text
    return place_of(answer)


def place_of(answer: httpx.Response) -> str:
    """The path of the upload that was begun; its Location names the host too."""
    location: str = answer.headers["location"]
    assert location.startswith(f"{BASE_URL}{UPLOADS}/")
    return location.removeprefix(BASE_URL)


async def send(
    client: httpx.AsyncClient, address: str, offset: int, data: bytes, **headers: str
) -> httpx.Response:
    """One piece."""
    said = {**PIECE, "Upload-Offset": str(offset), **headers}
    return await client.patch(address, headers=said, content=data)


async def offset_of(client: httpx.AsyncClient, address: str) -> int:
    """What the server says it has."""
    answer = await client.head(address, headers=TUS)
    assert answer.status_code == 200, answer.headers
    return int(answer.headers["upload-offset"])


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The data as a body without a Content-Length."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def said(answer: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal."""
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["type"].rpartition("#")[2]

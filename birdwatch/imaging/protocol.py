"""What the sandbox and its child say to each other: one JSON value per line.

Files do not travel by name: the open source, and for renditions one open file for each size, come
along with the request through the socket.
"""

from __future__ import annotations

from typing import Final

import msgspec

from birdwatch.domain import errors
from birdwatch.domain.errors import BirdwatchError, InvalidInputError
from birdwatch.domain.photo import RENDITION_SIZES
from birdwatch.imaging.probe import Probe
from birdwatch.imaging.renditions import RenderResult

_ERRORS: Final[dict[str, type[BirdwatchError]]] = {
    kind.__name__: kind
    for kind in (errors.InvalidInputError, errors.TooLargeError, errors.UnsupportedMediaError)
}


class ProbeRequest(msgspec.Struct, frozen=True, tag="probe"):
    """Say what this file is."""

    max_pixels: int
    file_name: str = ""


class RenderRequest(msgspec.Struct, frozen=True, tag="render"):
    """Write the renditions of this file, of these sizes."""

    max_pixels: int
    sizes: tuple[int, ...] = RENDITION_SIZES


class SizeAnswer(msgspec.Struct, frozen=True, tag="size"):
    """The picture has so many pixels; the child waits for GO before it decodes them."""

    pixels: int


class ProbeAnswer(msgspec.Struct, frozen=True, tag="probed"):
    """The facts of the file."""

    probe: Probe


class RenderAnswer(msgspec.Struct, frozen=True, tag="rendered"):
    """What was written."""

    result: RenderResult


class ErrorAnswer(msgspec.Struct, frozen=True, tag="refused"):
    """An expected failure: the name of its class and what it says."""

    kind: str
    code: str
    zh: str
    en: str


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """What a child says before anything else: the version of Landlock it is held by, 0 for none."""

    landlock: int


GO: Final = b"go\n"
MAX_FILES: Final = 1 + len(RENDITION_SIZES)

Request = ProbeRequest | RenderRequest
Answer = SizeAnswer | ProbeAnswer | RenderAnswer | ErrorAnswer

request_decoder: Final = msgspec.json.Decoder(Request)
answer_decoder: Final = msgspec.json.Decoder(Answer)
ready_decoder: Final = msgspec.json.Decoder(Ready)


def encode_line(message: Request | Answer | Ready) -> bytes:
    """The message as one line."""
    return msgspec.json.encode(message) + b"\n"


def describe_error(error: BirdwatchError) -> ErrorAnswer:
    """An error in a form that travels."""
    return ErrorAnswer(type(error).__name__, error.code, error.text.zh, error.text.en)


def revive_error(answer: ErrorAnswer) -> BirdwatchError:
    """The error that was described, of the same class."""
    kind = _ERRORS.get(answer.kind, InvalidInputError)
    return kind(answer.code, zh=answer.zh, en=answer.en)

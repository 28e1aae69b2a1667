"""What the sandbox and its child say to each other: one JSON value per line."""

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

    path: str
    max_pixels: int
    file_name: str


class RenderRequest(msgspec.Struct, frozen=True, tag="render"):
    """Write the renditions of this file, of these sizes, to this folder."""

    path: str
    max_pixels: int
    out_dir: str
    sizes: tuple[int, ...] = RENDITION_SIZES


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


READY_LINE: Final = b"ready\n"  # what a child says before anything else

Request = ProbeRequest | RenderRequest
Answer = ProbeAnswer | RenderAnswer | ErrorAnswer

request_decoder: Final = msgspec.json.Decoder(Request)
answer_decoder: Final = msgspec.json.Decoder(Answer)


def encode_line(message: Request | Answer) -> bytes:
    """The message as one line."""
    return msgspec.json.encode(message) + b"\n"


def describe_error(error: BirdwatchError) -> ErrorAnswer:
    """An error in a form that travels."""
    return ErrorAnswer(type(error).__name__, error.code, error.text.zh, error.text.en)


def revive_error(answer: ErrorAnswer) -> BirdwatchError:
    """The error that was described, of the same class."""
    kind = _ERRORS.get(answer.kind, InvalidInputError)
    return kind(answer.code, zh=answer.zh, en=answer.en)

"""A key that its sender made: what comes twice under it is one effect, however long between."""

from __future__ import annotations

from dataclasses import dataclass

from birdwatch.domain.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Once:
    """A sender's key, hashed with who sends it, and the fingerprint of what it was sent with."""

    key: str
    fingerprint: str = ""


def reused_key() -> InvalidInputError:
    """The error of a key that stands for something else already."""
    return InvalidInputError(
        "idempotency.reused",
        zh="这个 Idempotency-Key 已用于内容不同的请求。请为新的请求使用新的键。",
        en="This Idempotency-Key was used for a request with other content. Use a new key for"
        " a new request.",
    )

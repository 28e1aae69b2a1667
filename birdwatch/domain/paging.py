"""Pages of a long list: a keyset cursor, so that no list has a ceiling or a jumping page."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from birdwatch.domain.errors import MalformedError

T = TypeVar("T")
DEFAULT_LIMIT = 50
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in a stable order, and the cursor of the next page, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


def encode_cursor(*key: str | int | None) -> str:
    """The sort key of the last item of a page as an opaque, URL-safe string."""
    raw = json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: type) -> tuple[str | int | None, ...]:
    """The sort key inside a cursor. `types` are those of its parts; None is allowed in each.

    Raises MalformedError for anything that encode_cursor did not make.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _bad_cursor() from None
    if not isinstance(key, list) or len(key) != len(types):
        raise _bad_cursor()
    for part, wanted in zip(key, types, strict=True):
        if part is not None and (type(part) is not wanted or not _is_storable(part)):
            raise _bad_cursor()
    return tuple(key)


def _is_storable(part: object) -> bool:
    """Whether a database can compare with this: 64 bits, and text without NUL or half characters."""
    if isinstance(part, int):
        return -(2**63) <= part < 2**63
    text = str(part)
    return "\x00" not in text and not any("\ud800" <= c <= "\udfff" for c in text)


def _bad_cursor() -> MalformedError:
    return MalformedError(
        "cursor.invalid",
        zh="翻页标记 cursor 无效。请从第一页重新开始。",
        en="The cursor is not valid. Start again from the first page.",
    )

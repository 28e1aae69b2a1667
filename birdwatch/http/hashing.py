"""Passwords and random secrets: how they are made, and what of them is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from birdwatch.domain.errors import FieldError, InvalidInputError
from birdwatch.domain.text import Text

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1024
TOKEN_PREFIX = "bw_"  # noqa: S105 - the public beginning of every token, so that scanners find leaks
PREFIX_CHARS = 9
_hasher = PasswordHasher()  # argon2id with the library's parameters (RFC 9106, low memory)


@dataclass(frozen=True, slots=True)
class NewToken:
    """A fresh API token: `secret` is shown once and never stored."""

    secret: str
    token_hash: str
    prefix: str


def hash_secret(secret: str) -> str:
    """What is stored of a random secret. Not for passwords: those need a slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def make_token() -> NewToken:
    """A new API token of 256 random bits."""
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    return NewToken(secret, hash_secret(secret), secret[:PREFIX_CHARS])


def make_link_secret() -> str:
    """The end of a link that opens something once: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Raises InvalidInputError when it is too short or too long."""
    if not MIN_PASSWORD_CHARS <= len(password) <= MAX_PASSWORD_CHARS:
        message = Text(
            f"密码长度应为 {MIN_PASSWORD_CHARS} 到 {MAX_PASSWORD_CHARS} 个字符。",
            f"A password has {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters.",
        )
        raise InvalidInputError(
            "password.length",
            zh=message.zh,
            en=message.en,
            errors=(FieldError("password", message),),
        )
    return _hasher.hash(password)


def verify_password(password_hash: str, password: str) -> bool:
    """Whether this password made this hash."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def is_stale(password_hash: str) -> bool:
    """Whether the hash was made with older parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)

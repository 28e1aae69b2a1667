"""What can go wrong, said in the reader's language. HTTP statuses are given in http/errors.py only."""

from __future__ import annotations

from dataclasses import dataclass

from birdwatch.domain.text import Locale, Text


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input and what is wrong with it: `field` as the caller named it."""

    field: str
    message: Text
    code: str = "invalid"


class BirdwatchError(Exception):
    """Base of all expected failures: a stable code, a sentence, and the fields concerned."""

    retry_after_s: int | None = None  # when the same request may do better

    def __init__(self, code: str, *, zh: str, en: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(en)
        self.code = code
        self.text = Text(zh, en)
        self.errors = errors

    def sentence(self, locale: Locale) -> str:
        return self.text.get(locale)


class InvalidInputError(BirdwatchError):
    """The request is understood but its content cannot be taken (422)."""


class MalformedError(BirdwatchError):
    """The request cannot be read at all: broken JSON, a bad cursor (400)."""


class NotFoundError(BirdwatchError):
    """No such thing, or not for this reader (404)."""


class GoneError(BirdwatchError):
    """It was here and will not be again: withdrawn, or a used or ended link (410)."""


class ConflictError(BirdwatchError):
    """The thing changed meanwhile, or already exists in another form (409)."""


class ChangedMeanwhileError(ConflictError):
    """What the work rests on changed under it; done once more it may go well (409)."""


class NotSignedInError(BirdwatchError):
    """Needs an account or a token (401)."""


class ForbiddenError(BirdwatchError):
    """Signed in, but not allowed (403)."""


class TooLargeError(BirdwatchError):
    """More bytes or pixels than the archive takes (413)."""


class TooManyError(BirdwatchError):
    """More than one sender may ask in a time; wait `retry_after_s` (429)."""

    def __init__(self, code: str, *, zh: str, en: str, retry_after_s: int) -> None:
        super().__init__(code, zh=zh, en=en)
        self.retry_after_s = retry_after_s


class UnsupportedVersionError(BirdwatchError):
    """The sender speaks a version of the protocol that is not spoken here (412)."""


class LockedError(BirdwatchError):
    """Another is writing this at the moment; try again shortly (423)."""

    retry_after_s = 1


class ChecksumError(BirdwatchError):
    """The bytes that came are not those that were announced (460, as tus names it)."""


class UnsupportedMediaError(BirdwatchError):
    """Not a picture the archive can read (415)."""


class UnavailableError(BirdwatchError):
    """The archive cannot take writes now: media folder missing, disk full (503 or 507)."""

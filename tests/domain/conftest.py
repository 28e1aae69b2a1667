"""Rules are tried on many inputs, without a time limit for each: the machine may be busy."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("birdwatch", deadline=None)
settings.load_profile("birdwatch")

"""Why a record waits for a reviewer: the automatic checks, each with its code and its sentence."""

from __future__ import annotations

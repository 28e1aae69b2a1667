"""Uploads that arrive in pieces: what was said of each, and what became of it.

The bytes lie in a file of their own, and its size is the offset: no row is written for a piece.
Nothing here is published, so nothing of it is in the ledger.
"""

from __future__ import annotations

BOTH = (
    """CREATE TABLE upload (
        id {text} PRIMARY KEY, owner_id {text} NOT NULL, state {text} NOT NULL,
        kind {text} NOT NULL, length BIGINT, metadata {text} NOT NULL, parts {text} NOT NULL,
        created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, photo_id {text},
        is_duplicate BOOLEAN NOT NULL DEFAULT FALSE, error_code {text} NOT NULL DEFAULT '',
        error_zh {text} NOT NULL DEFAULT '', error_en {text} NOT NULL DEFAULT '')""",
    "CREATE INDEX upload_owner ON upload (owner_id, created_at, id) WHERE state = 'open'",
    "CREATE INDEX upload_expiry ON upload (expires_at, id)",
)

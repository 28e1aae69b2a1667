"""Files that took down their decoders: see domain/quarantine.py.

An empty `owner_id` is the archive's own, an empty `photo_id` a file that never got in: columns of a
unique key, where NULL would equal nothing. Nothing here is published, so nothing is in the ledger.
"""

from __future__ import annotations

BOTH = (
    """CREATE TABLE quarantine (
        id {text} PRIMARY KEY, sha256 {text} NOT NULL, size_bytes BIGINT NOT NULL,
        owner_id {text} NOT NULL, photo_id {text} NOT NULL, file_name {text} NOT NULL,
        words {text} NOT NULL, reason_zh {text} NOT NULL, reason_en {text} NOT NULL,
        deaths BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
        retry_until BIGINT NOT NULL DEFAULT 0, UNIQUE (sha256, owner_id, photo_id))""",
    "CREATE INDEX quarantine_owner ON quarantine (owner_id, id)",
)

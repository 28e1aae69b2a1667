"""What all processes know of requests: how many came, how much was uploaded, what was answered.

Nothing here is published, so nothing of it is in the ledger. Keys are hashes: neither addresses nor
logins nor the senders' own keys are kept.
"""

from __future__ import annotations

BOTH = (
    "CREATE TABLE rate_window (key {text} PRIMARY KEY, hits BIGINT NOT NULL, until BIGINT NOT NULL)",
    "CREATE INDEX rate_window_until ON rate_window (until)",
    """CREATE TABLE upload_day (
        person_id {text} NOT NULL, day {text} NOT NULL, files BIGINT NOT NULL,
        bytes BIGINT NOT NULL, pixels BIGINT NOT NULL, PRIMARY KEY (person_id, day))""",
    """CREATE TABLE idempotency (
        key {text} PRIMARY KEY, attempt {text} NOT NULL, lease_until BIGINT NOT NULL,
        until BIGINT NOT NULL, fingerprint {text}, status BIGINT, headers {text}, body {text})""",
    "CREATE INDEX idempotency_until ON idempotency (until)",
)
SQLITE: tuple[str, ...] = BOTH
POSTGRES: tuple[str, ...] = BOTH

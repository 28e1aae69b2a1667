"""Clocks, tracks and bursts: what puts the time and place of many photos right at once.

What a camera's clock said is kept beside the photo, however absurd, since it is what calibration
works on. An adjustment is one act over many photos; the versions it wrote are in the ledger, so
that it can be taken back as one. None of this is published, so none of it is in the chain.
"""

from __future__ import annotations

BOTH = (
    "ALTER TABLE photo ADD COLUMN camera_serial {text}",
    "ALTER TABLE photo ADD COLUMN camera_key {text}",
    "ALTER TABLE photo ADD COLUMN clock_at BIGINT",
    "ALTER TABLE photo ADD COLUMN fingerprint {text}",
    "ALTER TABLE photo_fact ADD COLUMN gap_s {float}",
    "CREATE INDEX photo_camera ON photo (owner_id, camera_key, clock_at, id)",
    """CREATE TABLE adjustment (
        id {text} PRIMARY KEY, kind {text} NOT NULL, owner_id {text} NOT NULL, camera_key {text},
        first_at BIGINT, last_at BIGINT, detail {text} NOT NULL, made_at BIGINT NOT NULL,
        made_by {text}, made_by_name {text} NOT NULL, undone_at BIGINT)""",
    "CREATE INDEX adjustment_owner ON adjustment (owner_id, id)",
    """CREATE INDEX adjustment_camera ON adjustment (owner_id, camera_key)
        WHERE undone_at IS NULL AND camera_key IS NOT NULL""",
    """CREATE TABLE adjustment_photo (
        adjustment_id {text} NOT NULL, photo_id {text} NOT NULL, version BIGINT NOT NULL,
        PRIMARY KEY (adjustment_id, photo_id)){clustered}""",
    """CREATE TABLE track (
        id {text} PRIMARY KEY, owner_id {text} NOT NULL, name {text} NOT NULL,
        points BIGINT NOT NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL,
        body {text} NOT NULL, made_at BIGINT NOT NULL)""",
    "CREATE INDEX track_owner ON track (owner_id, id)",
    """CREATE TABLE burst (
        photo_id {text} PRIMARY KEY, burst_id {text} NOT NULL){clustered}""",
    "CREATE INDEX burst_frames ON burst (burst_id, photo_id)",
)

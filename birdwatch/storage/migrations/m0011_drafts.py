"""Numbers given with drafts: a draft is in no count, so its survey is made when it is published."""

from __future__ import annotations

BOTH = (
    """CREATE TABLE draft_number (
        photo_id {text} PRIMARY KEY, low BIGINT, best BIGINT, high BIGINT, method {text} NOT NULL,
        note {text} NOT NULL)""",
    """CREATE INDEX photo_draft ON photo_fact (owner_id, sort_key, id)
        WHERE until IS NULL AND status = 'draft'""",
)

"""Jobs get a rank, and periodic work a table, so that of many processes one does it at its time.

Every index holds the rows of one state only: the next job, the silent worker and the dead are each
found without reading the others. What waited to be rendered whole is rendered in two steps now.
"""

from __future__ import annotations

BOTH = (
    "ALTER TABLE job ADD COLUMN rank BIGINT NOT NULL DEFAULT 10",
    "ALTER TABLE job ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0",
    "ALTER TABLE job ADD COLUMN error_zh {text}",
    "UPDATE job SET changed_at = created_at",
    "UPDATE job SET kind = 'render_first', rank = 0 WHERE kind = 'render'",
    "CREATE INDEX job_order ON job (rank, run_at, id) WHERE state = 'waiting'",
    "DROP INDEX job_due",  # of all states: every look for work read what waits and what runs
    "CREATE INDEX job_soon ON job (run_at) WHERE state = 'waiting'",
    "CREATE INDEX job_lease ON job (lease_until) WHERE state = 'running'",
    "CREATE INDEX job_dead ON job (changed_at, id) WHERE state = 'dead'",
    """CREATE TABLE schedule (
        name {text} PRIMARY KEY, run_at BIGINT NOT NULL, lease_until BIGINT, worker {text},
        started_at BIGINT, finished_at BIGINT, error {text}, error_zh {text})""",
)

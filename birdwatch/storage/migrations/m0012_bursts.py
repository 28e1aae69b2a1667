"""Frames are kept with their kin, of which a reader's bursts are made; what was kept were bursts.

A frame that others do not see may have parted two that they do. The worker looks at each run of
frames once more; where anything was alike, a burst was kept, and one of its frames leads to the run.
"""

from __future__ import annotations

BOTH = (
    """INSERT INTO job (id, kind, subject_id, state, attempts, rank, run_at, created_at, changed_at)
        SELECT DISTINCT 'm12' || burst_id, 'burst', burst_id, 'waiting', 0, 20, 0, 0, 0 FROM burst
        WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.kind = 'burst'
            AND job.subject_id = burst.burst_id)""",
)

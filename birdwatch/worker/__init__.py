"""Work that follows an intake: claimed from the table of jobs, done in the background."""

from birdwatch.worker.loop import drain, run_worker

__all__ = ["drain", "run_worker"]

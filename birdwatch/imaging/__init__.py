"""Bytes to facts and renditions: pure functions, run in limited child processes."""

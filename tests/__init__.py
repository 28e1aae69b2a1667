"""The tests: they mirror the tree, use real files and databases, and mock nothing of ours."""

"""What the words of the archive mean: values and rules, no I/O, no clock."""

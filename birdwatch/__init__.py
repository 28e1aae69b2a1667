"""birdwatch: the observation and photo archive of the shorebird migration at the Liao River estuary."""

__version__ = "0.1.0"

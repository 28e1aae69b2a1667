"""`python -m birdwatch` is the command `birdwatch`."""

from birdwatch.cli import main

if __name__ == "__main__":
    main()

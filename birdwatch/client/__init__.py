"""A client of the archive's API: typed, on httpx, and without anything of the server's.

It may be used by itself: `Connection` speaks to an archive, `send_file` uploads one file so that it
can go on after any break, and `send_folder` does so with a whole folder and remembers where it was.
"""

from birdwatch.client.connection import Connection, Cut, Refusal
from birdwatch.client.folder import Found, Listing, list_folder
from birdwatch.client.journal import Journal, JournalInUseError
from birdwatch.client.sending import Event, Outcome, Report, Sending, check_archive, send_folder
from birdwatch.client.uploads import Arrival, FileChangedError, send_file

__all__ = [
    "Arrival",
    "Connection",
    "Cut",
    "Event",
    "FileChangedError",
    "Found",
    "Journal",
    "JournalInUseError",
    "Listing",
    "Outcome",
    "Refusal",
    "Report",
    "Sending",
    "check_archive",
    "list_folder",
    "send_file",
    "send_folder",
]

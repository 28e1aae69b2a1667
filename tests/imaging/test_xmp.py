"""The dates of XMP, and that no packet can do harm."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birdwatch.imaging.xmp import DATE_CREATED, DATE_TIME_ORIGINAL, read_xmp_dates

OPEN = (
    b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
    b' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    b' xmlns:exif="http://ns.adobe.com/exif/1.0/">'
)
CLOSE = b'</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'


def test_xmp_dates_are_read_as_attributes_and_as_elements() -> None:
    packet = (
        OPEN
        + b'<rdf:Description photoshop:DateCreated="2026-04-25"/>'
        + b"<rdf:Description><exif:DateTimeOriginal> 2026-04-25T18:21:07+08:00 "
        + b"</exif:DateTimeOriginal></rdf:Description>"
        + CLOSE
        + b" \n" * 1000
        + b"\0"
    )
    assert read_xmp_dates(packet) == {
        DATE_CREATED: "2026-04-25",
        DATE_TIME_ORIGINAL: "2026-04-25T18:21:07+08:00",
    }


def test_xmp_damaged_in_the_middle_gives_what_came_before() -> None:
    packet = OPEN + b'<rdf:Description photoshop:DateCreated="2026-04-25"/><broken'
    assert read_xmp_dates(packet) == {DATE_CREATED: "2026-04-25"}


def test_xmp_with_entities_is_not_read() -> None:
    laughs = b"".join(
        b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 12)
    )
    packet = b'<!DOCTYPE x [<!ENTITY l0 "ha">' + laughs + b"]><x>&l11;</x>"
    start = time.process_time()
    assert read_xmp_dates(packet) == {}
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "packet", [b"", b"\0", b"<", b"<" * 100_000, b"\xff\xfe\x00", b"<a>" * 9999]
)
def test_xmp_that_is_none_gives_nothing(packet: bytes) -> None:
    assert read_xmp_dates(packet) == {}


@given(st.binary(max_size=400))
def test_xmp_of_any_bytes_does_not_raise(packet: bytes) -> None:
    assert set(read_xmp_dates(OPEN + packet)) <= {DATE_CREATED, DATE_TIME_ORIGINAL}

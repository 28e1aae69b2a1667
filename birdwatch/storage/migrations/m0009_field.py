"""What counting in the field needs: keys of surveys sent twice, and tide tables.

A point of a table is one high or low water; a station of harmonic constants has none, its waters
are computed. `survey.tide_source` names the table a survey's tide was taken from; null: its
observers said it. It is told in the ledger too, so the digests of the chain leave it out.
"""

from __future__ import annotations

BOTH = (
    """CREATE TABLE survey_key (
        key {text} PRIMARY KEY, survey_id {text} NOT NULL, fingerprint {text} NOT NULL,
        at BIGINT NOT NULL){clustered}""",
    """CREATE TABLE tide_station (
        id {text} PRIMARY KEY, name {text} NOT NULL, source {text} NOT NULL,
        datum {text} NOT NULL, sites {text} NOT NULL, constants {text}, level_m {float},
        imported_at BIGINT NOT NULL)""",
    """CREATE TABLE tide_water (
        station_id {text} NOT NULL, at BIGINT NOT NULL, kind {text} NOT NULL, height_m {float},
        PRIMARY KEY (station_id, at)){clustered}""",
    "ALTER TABLE survey ADD COLUMN tide_source {text}",
)

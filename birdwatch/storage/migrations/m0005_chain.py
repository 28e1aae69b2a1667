"""The hash chain of the ledger, and the feed of public changes (see storage/feed.py).

`chain` is written once, when the transaction that appended the row ends: see storage/chain.py. The
ledger stays append-only; the one change a row allows is its chain, from nothing to something.
Digests read each table by version and id, so an index of both serves them, and the sort of a
million sightings of one import is never needed.
"""

from __future__ import annotations

# Until now everything was public: what stands is shown as of its last version, what was deleted is
# a tombstone.
BACKFILL = (
    *(
        "INSERT INTO feed (noun, noun_id, version, at, first_version, is_gone)"
        f" SELECT '{noun}', f.id, f.since, l.at, f.since, FALSE FROM {table} f"
        f" JOIN ledger l ON l.version = f.since WHERE f.until IS NULL"
        for noun, table in (("photo", "photo_fact"), ("survey", "survey"))
    ),
    (
        "INSERT INTO feed (noun, noun_id, version, at, first_version, is_gone)"
        " SELECT l.noun, l.noun_id, MAX(l.version), MAX(l.at), 0, TRUE FROM ledger l"
        " WHERE l.noun = 'survey' AND l.action = 'delete' AND NOT EXISTS"
        " (SELECT 1 FROM feed f WHERE f.noun = l.noun AND f.noun_id = l.noun_id)"
        " GROUP BY l.noun, l.noun_id"
    ),
    (
        "INSERT INTO feed (noun, noun_id, version, at, first_version, is_gone)"
        " SELECT noun, noun_id, MAX(version), MAX(at), MIN(version), FALSE FROM ledger"
        " WHERE noun IN ('species', 'site', 'window') GROUP BY noun, noun_id"
    ),
)
BOTH = (
    "ALTER TABLE ledger ADD COLUMN chain {text}",
    "CREATE INDEX ledger_unsealed ON ledger (version) WHERE chain IS NULL",
    "CREATE INDEX ledger_thing ON ledger (noun, noun_id, version)",
    "DROP INDEX photo_fact_since",
    "DROP INDEX survey_since",
    "DROP INDEX sighting_since",
    "CREATE INDEX photo_fact_since ON photo_fact (since, id)",
    "CREATE INDEX survey_since ON survey (since, id)",
    "CREATE INDEX sighting_since ON sighting (since, id)",
    "CREATE INDEX identification_since ON identification (since, id)",
    "CREATE INDEX photo_first ON photo (first_version, id)",
    "CREATE INDEX sighting_closed ON sighting (survey_id) WHERE until IS NOT NULL",
    """CREATE TABLE feed (
        noun {text} NOT NULL, noun_id {text} NOT NULL, version BIGINT NOT NULL,
        at BIGINT NOT NULL, first_version BIGINT NOT NULL, is_gone BOOLEAN NOT NULL,
        PRIMARY KEY (noun, noun_id)){clustered}""",
    "CREATE INDEX feed_version ON feed (version, noun, noun_id)",
    *BACKFILL,
)
SAME = (
    "version", "at", "actor_id", "actor_name", "action", "noun", "noun_id", "before_version",
    "after_version", "detail",
)  # fmt: skip
SQLITE = (
    *BOTH,
    "DROP TRIGGER ledger_keeps_rows",
    "CREATE TRIGGER ledger_keeps_rows BEFORE UPDATE ON ledger"
    " WHEN OLD.chain IS NOT NULL OR NEW.chain IS NULL OR "
    + " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in SAME)
    + " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END",
)
POSTGRES = (
    *BOTH,
    """CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF OLD.chain IS NULL AND NEW.chain IS NOT NULL
                    AND to_jsonb(NEW) - 'chain' = to_jsonb(OLD) - 'chain' THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'the ledger is append-only';
        END $$""",
)

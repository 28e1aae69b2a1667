"""The hash chain of the ledger.

`chain` is written once, when the transaction that appended the row ends: see storage/chain.py. The
ledger stays append-only; the one change a row allows is its chain, from nothing to something.
Digests read each table by version and id, so an index of both serves them, and the sort of a
million sightings of one import is never needed.
"""

from __future__ import annotations

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

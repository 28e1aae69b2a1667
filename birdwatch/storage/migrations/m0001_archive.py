"""The first schema of the archive.

Photo facts, surveys and sightings are versioned rows: `since` and `until` are dataset versions, the
open row has no `until`. All lists are read through partial indexes over the open rows. A sighting
takes site, season, phase and dekad from its survey, so that a window that moves, moves one row for
each survey; a season is found by its days, which lead the indexes.
`daily_count` and `survey_day` are derived, and recomputed in the transaction that touches them.
"""

from __future__ import annotations

TABLES = (
    """CREATE TABLE ledger (
        version {key}, at BIGINT NOT NULL, actor_id {text}, actor_name {text} NOT NULL,
        action {text} NOT NULL, noun {text} NOT NULL, noun_id {text} NOT NULL,
        before_version BIGINT, after_version BIGINT, detail {text})""",
    "CREATE INDEX ledger_noun ON ledger (noun, version)",
    "CREATE TABLE archive (name {text} PRIMARY KEY, value {text} NOT NULL)",
    """CREATE TABLE species (
        code {text} PRIMARY KEY, rank {text} NOT NULL, scientific_name {text} NOT NULL,
        name_zh {text} NOT NULL, name_en {text} NOT NULL, aliases {text} NOT NULL,
        synonyms {text} NOT NULL, pinyin_initials {text} NOT NULL, family {text} NOT NULL,
        family_zh {text} NOT NULL, order_name {text} NOT NULL, order_zh {text} NOT NULL,
        is_shorebird BOOLEAN NOT NULL, iucn {text}, protection_cn {text}, one_percent BIGINT,
        one_percent_source {text}, sort BIGINT NOT NULL)""",
    """CREATE TABLE site (
        id {text} PRIMARY KEY, name_zh {text} NOT NULL, name_en {text} NOT NULL, geometry {text},
        is_outline BOOLEAN NOT NULL, is_approximate BOOLEAN NOT NULL, source {text} NOT NULL,
        sort BIGINT NOT NULL)""",
    """CREATE TABLE season_window (
        id {text} PRIMARY KEY, half_year {text} NOT NULL, name_zh {text} NOT NULL,
        name_en {text} NOT NULL, start_day {text} NOT NULL, end_day {text} NOT NULL,
        source_zh {text} NOT NULL, source_en {text} NOT NULL, sets_phase BOOLEAN NOT NULL,
        sort BIGINT NOT NULL)""",
    """CREATE TABLE photo (
        id {text} PRIMARY KEY, sha256 {text} NOT NULL UNIQUE, format {text} NOT NULL,
        width BIGINT NOT NULL, height BIGINT NOT NULL, size_bytes BIGINT NOT NULL,
        received_at BIGINT NOT NULL, owner_id {text}, original_name {text} NOT NULL,
        camera {text} NOT NULL, tags {text} NOT NULL, first_version BIGINT NOT NULL,
        state {text} NOT NULL, failure_zh {text}, failure_en {text}, thumbhash {text},
        renditions {text} NOT NULL)""",
    """CREATE TABLE photo_fact (
        id {text} NOT NULL REFERENCES photo (id), since BIGINT NOT NULL, until BIGINT,
        sort_key BIGINT NOT NULL, taken_at BIGINT, wall {text}, offset_min BIGINT,
        time_source {text} NOT NULL, time_confidence {text} NOT NULL, clock_error_s BIGINT,
        lat {float}, lon {float}, place_source {text}, place_confidence {text},
        accuracy_m {float}, direction_deg {float}, site {text}, is_outside BOOLEAN NOT NULL,
        day {text}, season {text}, phase {text} NOT NULL, dekad {text}, species {text},
        caption_zh {text} NOT NULL, caption_en {text} NOT NULL, credit {text} NOT NULL,
        photographer {text} NOT NULL, license {text} NOT NULL, sighting_id {text},
        survey_id {text}, owner_id {text}, PRIMARY KEY (id, since))""",
    """CREATE TABLE survey (
        id {text} NOT NULL, since BIGINT NOT NULL, until BIGINT, site {text} NOT NULL,
        start_at BIGINT NOT NULL, start_offset_min BIGINT NOT NULL, end_at BIGINT,
        end_offset_min BIGINT, has_time BOOLEAN NOT NULL, observers {text} NOT NULL,
        protocol {text} NOT NULL, complete BOOLEAN NOT NULL, tide {text} NOT NULL,
        note {text} NOT NULL, owner_id {text}, source {text} NOT NULL, source_key {text},
        has_birds BOOLEAN NOT NULL, day {text} NOT NULL, season {text}, phase {text} NOT NULL,
        dekad {text} NOT NULL, PRIMARY KEY (id, since))""",
    """CREATE TABLE sighting (
        id {text} NOT NULL, since BIGINT NOT NULL, until BIGINT, survey_id {text} NOT NULL,
        line BIGINT NOT NULL, species {text} NOT NULL, low BIGINT, best BIGINT, high BIGINT,
        method {text} NOT NULL, note {text} NOT NULL, photos {text} NOT NULL,
        day {text} NOT NULL, PRIMARY KEY (id, since)){clustered}""",
    """CREATE TABLE sighting_photo (
        photo_id {text} NOT NULL, sighting_id {text} NOT NULL, survey_id {text} NOT NULL,
        PRIMARY KEY (photo_id, sighting_id)){clustered}""",
    """CREATE TABLE daily_count (
        site {text} NOT NULL, species {text} NOT NULL, day {text} NOT NULL, tide {text} NOT NULL,
        count BIGINT, low BIGINT, high BIGINT, used {text} NOT NULL, surveys {text} NOT NULL,
        season {text}, PRIMARY KEY (day, site, species, tide)){clustered}""",
    """CREATE TABLE survey_day (
        site {text} NOT NULL, day {text} NOT NULL, season {text}, surveys BIGINT NOT NULL,
        complete BIGINT NOT NULL, birds_found BIGINT NOT NULL,
        PRIMARY KEY (day, site)){clustered}""",
    """CREATE TABLE person (
        id {text} PRIMARY KEY, login {text} NOT NULL UNIQUE, password_hash {text} NOT NULL,
        role {text} NOT NULL, name_zh {text} NOT NULL, name_en {text} NOT NULL,
        locale {text} NOT NULL, is_disabled BOOLEAN NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE TABLE session (
        token_hash {text} PRIMARY KEY, person_id {text} NOT NULL REFERENCES person (id),
        csrf {text} NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)""",
    """CREATE TABLE token (
        id {text} PRIMARY KEY, person_id {text} NOT NULL REFERENCES person (id),
        name {text} NOT NULL, token_hash {text} NOT NULL UNIQUE, prefix {text} NOT NULL,
        scopes {text} NOT NULL, created_at BIGINT NOT NULL, expires_at BIGINT,
        revoked_at BIGINT)""",
    """CREATE TABLE job (
        id {text} PRIMARY KEY, kind {text} NOT NULL, subject_id {text} NOT NULL,
        state {text} NOT NULL, attempts BIGINT NOT NULL, run_at BIGINT NOT NULL,
        lease_until BIGINT, worker {text}, error {text}, created_at BIGINT NOT NULL,
        UNIQUE (kind, subject_id))""",
)

OPEN = "WHERE until IS NULL"
INDEXES = (
    f"CREATE UNIQUE INDEX photo_fact_open ON photo_fact (id) {OPEN}",
    f"CREATE INDEX photo_fact_time ON photo_fact (sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_day ON photo_fact (day, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_dekad ON photo_fact (dekad, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_season ON photo_fact (season, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_season_phase ON photo_fact (season, phase, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_phase ON photo_fact (phase, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_species ON photo_fact (species, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_site ON photo_fact (site, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_photographer ON photo_fact (photographer, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_owner ON photo_fact (owner_id, sort_key, id) {OPEN}",
    f"CREATE INDEX photo_fact_survey ON photo_fact (survey_id, sort_key, id) {OPEN}",
    f"CREATE UNIQUE INDEX survey_open ON survey (id) {OPEN}",
    f"CREATE UNIQUE INDEX survey_source ON survey (source_key) {OPEN} AND source_key IS NOT NULL",
    f"CREATE INDEX survey_time ON survey (start_at, id) {OPEN}",
    f"CREATE INDEX survey_site ON survey (site, day, start_at, id) {OPEN}",
    f"CREATE INDEX survey_date ON survey (day, id) {OPEN}",
    f"CREATE INDEX survey_owner ON survey (owner_id, start_at, id) {OPEN}",
    "CREATE INDEX survey_since ON survey (since)",
    f"CREATE UNIQUE INDEX sighting_open ON sighting (id) {OPEN}",
    f"CREATE INDEX sighting_survey ON sighting (survey_id) {OPEN}",
    f"CREATE INDEX sighting_species ON sighting (species, day, survey_id, id) {OPEN}",
    "CREATE INDEX sighting_photo_survey ON sighting_photo (survey_id)",
    "CREATE INDEX daily_count_species ON daily_count (species, day)",
    "CREATE INDEX daily_count_site ON daily_count (site, day)",
    "CREATE INDEX survey_day_season ON survey_day (season)",
    "CREATE INDEX survey_day_site ON survey_day (site, day)",
    "CREATE INDEX token_person ON token (person_id)",
    "CREATE INDEX session_expiry ON session (expires_at)",
    "CREATE INDEX job_due ON job (state, run_at)",
)

SQLITE_ONLY = (
    """CREATE TRIGGER ledger_keeps_rows BEFORE UPDATE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
    """CREATE TRIGGER ledger_loses_nothing BEFORE DELETE ON ledger
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END""",
)
POSTGRES_ONLY = (
    """CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the ledger is append-only'; END $$""",
    """CREATE TRIGGER ledger_keeps_rows BEFORE UPDATE OR DELETE ON ledger
        FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only()""",
)
SQLITE = TABLES + INDEXES + SQLITE_ONLY
POSTGRES = TABLES + INDEXES + POSTGRES_ONLY

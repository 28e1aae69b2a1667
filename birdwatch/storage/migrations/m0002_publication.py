"""Who may see what: status, embargo and sensitivity beside the rows, and their public values.

Public values stand in columns of their own (`public_…`), so that filters, order and bounding boxes
of public lists never touch the exact ones. `is_public` and `is_embargoed` are derived from status,
embargo and level; both false: only the owner and reviewers see the row.
Daily counts are kept for two audiences: a site and day where they agree has rows of audience
`all`; one with protected or embargoed records has `public` and `exact` rows instead.
"""

from __future__ import annotations

STATUS = (
    "ADD COLUMN status {text} NOT NULL DEFAULT 'published'",
    "ADD COLUMN flags {text} NOT NULL DEFAULT '[]'",
)
ACCESS = (
    "ADD COLUMN embargo_until BIGINT",
    "ADD COLUMN is_public BOOLEAN NOT NULL DEFAULT TRUE",
    "ADD COLUMN is_embargoed BOOLEAN NOT NULL DEFAULT FALSE",
)
LEVEL = ("ADD COLUMN level {text} NOT NULL DEFAULT '0.01'",)
PHOTO = (
    *STATUS, *ACCESS, *LEVEL,
    "ADD COLUMN public_sort BIGINT NOT NULL DEFAULT 0", "ADD COLUMN public_lat {float}",
    "ADD COLUMN public_lon {float}", "ADD COLUMN public_site {text}",
    "ADD COLUMN public_day {text}", "ADD COLUMN public_dekad {text}",
    "ADD COLUMN public_phase {text} NOT NULL DEFAULT 'unknown'",
    "ADD COLUMN public_survey_id {text}",
)  # fmt: skip
SURVEY = (*STATUS, *ACCESS)
SIGHTING = (
    *STATUS, *LEVEL, "ADD COLUMN is_public BOOLEAN NOT NULL DEFAULT TRUE",
    "ADD COLUMN behaviour {text} NOT NULL DEFAULT ''",
)  # fmt: skip

TABLES = (
    *(f"ALTER TABLE photo_fact {column}" for column in PHOTO),
    *(f"ALTER TABLE survey {column}" for column in SURVEY),
    *(f"ALTER TABLE sighting {column}" for column in SIGHTING),
    """CREATE TABLE sensitivity (
        species {text} NOT NULL, half_year {text} NOT NULL, behaviour {text} NOT NULL,
        level {text} NOT NULL, reason_zh {text} NOT NULL, reason_en {text} NOT NULL,
        PRIMARY KEY (species, half_year, behaviour))""",
    """CREATE TABLE identification (
        id {text} PRIMARY KEY, photo_id {text} NOT NULL REFERENCES photo (id),
        species {text} NOT NULL, note {text} NOT NULL, person_id {text},
        person_name {text} NOT NULL, at BIGINT NOT NULL, since BIGINT NOT NULL, until BIGINT)""",
    "CREATE INDEX identification_photo ON identification (photo_id)",
    """CREATE TABLE message (
        id {text} PRIMARY KEY, noun {text} NOT NULL, noun_id {text} NOT NULL, text {text} NOT NULL,
        person_id {text}, person_name {text} NOT NULL, at BIGINT NOT NULL,
        version BIGINT NOT NULL)""",
    "CREATE INDEX message_noun ON message (noun, noun_id, at)",
    "DROP TABLE daily_count",
    "DROP TABLE survey_day",
    """CREATE TABLE daily_count (
        site {text} NOT NULL, species {text} NOT NULL, day {text} NOT NULL, tide {text} NOT NULL,
        audience {text} NOT NULL, count BIGINT, low BIGINT, high BIGINT, used {text} NOT NULL,
        surveys {text} NOT NULL, season {text},
        PRIMARY KEY (day, site, species, tide, audience)){clustered}""",
    """CREATE TABLE survey_day (
        site {text} NOT NULL, day {text} NOT NULL, audience {text} NOT NULL, season {text},
        surveys BIGINT NOT NULL, complete BIGINT NOT NULL, birds_found BIGINT NOT NULL,
        PRIMARY KEY (day, site, audience)){clustered}""",
    """UPDATE photo_fact SET public_sort = sort_key, public_site = site, public_day = day,
        public_dekad = dekad, public_phase = phase, public_survey_id = survey_id""",
)
OPEN = "WHERE until IS NULL"
INDEXES = (
    f"CREATE INDEX photo_public_time ON photo_fact (public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_day ON photo_fact (public_day, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_dekad ON photo_fact (public_dekad, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_season ON photo_fact (season, public_sort, id) {OPEN}",
    f"""CREATE INDEX photo_public_season_phase ON photo_fact
        (season, public_phase, public_sort, id) {OPEN}""",
    f"CREATE INDEX photo_public_phase ON photo_fact (public_phase, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_species ON photo_fact (species, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_site ON photo_fact (public_site, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_photographer ON photo_fact (photographer, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_owner ON photo_fact (owner_id, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_public_survey ON photo_fact (public_survey_id, public_sort, id) {OPEN}",
    f"CREATE INDEX photo_waiting ON photo_fact (since) {OPEN} AND status <> 'published'",
    f"CREATE INDEX survey_waiting ON survey (since) {OPEN} AND status <> 'published'",
    f"CREATE INDEX sighting_waiting ON sighting (since) {OPEN} AND status <> 'published'",
    f"""CREATE INDEX photo_embargo ON photo_fact (embargo_until) {OPEN}
        AND embargo_until IS NOT NULL""",
    f"CREATE INDEX survey_embargo ON survey (embargo_until) {OPEN} AND embargo_until IS NOT NULL",
    "CREATE INDEX photo_fact_since ON photo_fact (since)",
    "CREATE INDEX sighting_since ON sighting (since)",
    "CREATE INDEX daily_count_species ON daily_count (species, day)",
    "CREATE INDEX daily_count_site ON daily_count (site, day)",
    "CREATE INDEX survey_day_season ON survey_day (season)",
    "CREATE INDEX survey_day_site ON survey_day (site, day)",
)
BOTH = TABLES + INDEXES

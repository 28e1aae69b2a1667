"""Accounts in depth: trust, credit, invitations, reset links, grants, passkeys, other identities.

People who are there already stay trusted: they published before there was a review.
Every link and key is kept as a hash or a public key; none of these tables holds a secret.
"""

from __future__ import annotations

PERSON = (
    "ADD COLUMN trust {text} NOT NULL DEFAULT 'trusted'",
    "ADD COLUMN email {text} NOT NULL DEFAULT ''",
    "ADD COLUMN credit {text} NOT NULL DEFAULT ''",
    "ADD COLUMN default_license {text}",
)
SESSION = (
    "ADD COLUMN id {text}",
    "ADD COLUMN user_agent {text} NOT NULL DEFAULT ''",
    "ADD COLUMN last_seen_at BIGINT",
)
TABLES = (
    *(f"ALTER TABLE person {column}" for column in PERSON),
    *(f"ALTER TABLE session {column}" for column in SESSION),
    "ALTER TABLE token ADD COLUMN last_used_at BIGINT",
    """CREATE TABLE access_grant (
        id {text} PRIMARY KEY, person_id {text} NOT NULL REFERENCES person (id),
        until BIGINT NOT NULL, reason {text} NOT NULL, made_by {text} NOT NULL,
        made_at BIGINT NOT NULL, revoked_at BIGINT)""",
    """CREATE TABLE invitation (
        id {text} PRIMARY KEY, token_hash {text} NOT NULL UNIQUE, role {text} NOT NULL,
        trust {text} NOT NULL, note {text} NOT NULL, made_by {text} NOT NULL,
        made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT,
        used_by {text}, revoked_at BIGINT)""",
    """CREATE TABLE password_reset (
        token_hash {text} PRIMARY KEY, person_id {text} NOT NULL REFERENCES person (id),
        made_at BIGINT NOT NULL, expires_at BIGINT NOT NULL, used_at BIGINT)""",
    """CREATE TABLE passkey (
        id {text} PRIMARY KEY, person_id {text} NOT NULL REFERENCES person (id),
        name {text} NOT NULL, public_key {text} NOT NULL, sign_count BIGINT NOT NULL,
        made_at BIGINT NOT NULL, last_used_at BIGINT)""",
    """CREATE TABLE challenge (
        token_hash {text} PRIMARY KEY, kind {text} NOT NULL, person_id {text},
        detail {text} NOT NULL, expires_at BIGINT NOT NULL)""",
    """CREATE TABLE outside_identity (
        issuer {text} NOT NULL, subject {text} NOT NULL,
        person_id {text} NOT NULL REFERENCES person (id), made_at BIGINT NOT NULL,
        PRIMARY KEY (issuer, subject))""",
)
INDEXES = (
    "CREATE INDEX session_person ON session (person_id)",
    "CREATE INDEX person_email ON person (email) WHERE email <> ''",
    "CREATE INDEX access_grant_person ON access_grant (person_id, until) WHERE revoked_at IS NULL",
    "CREATE INDEX invitation_expiry ON invitation (expires_at)",
    "CREATE INDEX password_reset_person ON password_reset (person_id)",
    "CREATE INDEX passkey_person ON passkey (person_id)",
    "CREATE INDEX challenge_expiry ON challenge (expires_at)",
)
SQLITE = (*TABLES, *INDEXES, "UPDATE session SET id = lower(hex(randomblob(8)))")
POSTGRES = (*TABLES, *INDEXES, "UPDATE session SET id = substr(md5(random()::text), 1, 16)")

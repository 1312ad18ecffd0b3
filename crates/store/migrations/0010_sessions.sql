-- Passwords, sessions, one-time login links; organizations marked as deleted; what an invitation keeps for its member.

CREATE TABLE password (
    realm BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    hash {text} NOT NULL,          -- argon2id, with its salt and costs
    changed_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, usr)
) {clustered};

CREATE TABLE session (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    membership BIGINT,             -- null: acts by all of the user's memberships
    organization BIGINT,           -- that membership's
    hash {text} NOT NULL UNIQUE,   -- SHA-256 of the secret; unique on the server, for a session names its realm
    agent {text},
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE INDEX session_usr ON session (realm, usr, id);
CREATE INDEX session_membership ON session (realm, membership);
CREATE INDEX session_expires ON session (realm, expires_ms);

CREATE TABLE link (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    membership BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    hash {text} NOT NULL UNIQUE,   -- SHA-256 of the secret; unique on the server, for a link names its realm
    created_by BIGINT,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE INDEX link_usr ON link (realm, usr);
CREATE INDEX link_membership ON link (realm, membership);
CREATE INDEX link_expires ON link (realm, expires_ms);

ALTER TABLE organization ADD COLUMN suspended BOOLEAN NOT NULL DEFAULT FALSE;
-- Itself or one above is marked as deleted; follows from the tree, so that no list has to climb it.
ALTER TABLE organization ADD COLUMN hidden BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE invitation ADD COLUMN name {text} NOT NULL DEFAULT '';
ALTER TABLE invitation ADD COLUMN usr BIGINT;
ALTER TABLE invitation ADD COLUMN extras {text} NOT NULL DEFAULT '{}';
-- Who is invited shows the secret before anybody knows of which realm.
CREATE INDEX invitation_secret ON invitation (hash);

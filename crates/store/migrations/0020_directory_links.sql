-- What a directory keeps of the users and organizations that it provisions; see crates/model/src/directory.rs.

CREATE TABLE directory_link (
    realm BIGINT NOT NULL,
    domain BIGINT NOT NULL,        -- an organization
    subject BIGINT NOT NULL,       -- a user or an organization: the kind is inside the number
    external_id {text},
    user_name {text},
    user_name_folded {text},
    home BOOLEAN NOT NULL,
    suspended BOOLEAN NOT NULL,
    document {text} NOT NULL,
    given {text},                  -- JSON
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, domain, subject)
) {clustered};
CREATE INDEX directory_link_subject ON directory_link (realm, subject, domain);
CREATE INDEX directory_link_external ON directory_link (realm, domain, external_id);
CREATE INDEX directory_link_user_name ON directory_link (realm, user_name_folded);
-- Nobody has two homes.
CREATE UNIQUE INDEX directory_link_home ON directory_link (realm, subject) WHERE home;
CREATE INDEX directory_link_suspended ON directory_link (realm, subject) WHERE suspended;

-- Whether a name is free whatever its letter case.
CREATE INDEX organization_name_folded ON organization (realm, name_folded);

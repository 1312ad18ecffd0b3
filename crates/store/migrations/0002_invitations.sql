-- Invitations, and what users may write about themselves.

CREATE TABLE invitation (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    email {text} NOT NULL,         -- lower case, NFC
    roles BIGINT NOT NULL,
    status {text} NOT NULL,        -- a pending one may have expired by now
    inviter BIGINT,
    hash {text} NOT NULL,          -- SHA-256 of the secret
    expires_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    public {text} NOT NULL,
    private {text} NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX invitation_hash ON invitation (realm, hash);
CREATE UNIQUE INDEX invitation_pending ON invitation (realm, organization, email) WHERE status = 'pending';
CREATE INDEX invitation_organization ON invitation (realm, organization, id);
CREATE INDEX invitation_email ON invitation (realm, email, id);

ALTER TABLE usr ADD COLUMN open {text} NOT NULL DEFAULT '{}';

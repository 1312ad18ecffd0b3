-- Roles that were deleted. Their numbers are given to others, while the log, ended invitations and revoked tokens refer to them.
-- Those that were deleted before this migration are missing.

CREATE TABLE retired_role (
    realm BIGINT NOT NULL,
    seq BIGINT NOT NULL,           -- the event that deleted it
    retired_ms BIGINT NOT NULL,
    body {text} NOT NULL,          -- the role, as in that event
    PRIMARY KEY (realm, seq)
) {clustered};

-- How far the last import into a realm came. Written in the transaction of what was imported, so that the next run goes on behind it.

CREATE TABLE import_progress (
    realm BIGINT NOT NULL,
    beginning {text} NOT NULL,     -- SHA-256 of the file's first bytes
    hash {text} NOT NULL,          -- SHA-256 of the file as far as it was imported
    bytes BIGINT NOT NULL,         -- how far that is
    lines BIGINT NOT NULL,
    finished BOOLEAN NOT NULL,
    begun_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (realm)
) {clustered};

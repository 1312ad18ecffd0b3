-- What a realm signs with, so that it knows again what it gave out: the tokens of a search's pages. No one's key to anything.
CREATE TABLE realm_secret (
    realm BIGINT NOT NULL PRIMARY KEY,
    secret {text} NOT NULL
) {clustered};

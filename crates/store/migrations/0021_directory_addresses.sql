-- The e-mail addresses that a directory says a user has, so that he is found by them.

ALTER TABLE directory_link ADD COLUMN addresses {text} NOT NULL DEFAULT '[]';

CREATE TABLE directory_address (
    realm BIGINT NOT NULL,
    value {text} NOT NULL,         -- folded
    domain BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    PRIMARY KEY (realm, value, domain, subject)
) {clustered};
CREATE INDEX directory_address_subject ON directory_address (realm, subject, domain);
CREATE INDEX directory_address_domain ON directory_address (realm, domain, subject);

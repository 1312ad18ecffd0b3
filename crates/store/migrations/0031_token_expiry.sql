-- Which tokens ended long enough ago to be cleared away.
CREATE INDEX token_expires ON token (realm, expires_ms);
-- Which members start in an organization: they need another one when it is deleted.
CREATE INDEX membership_starting ON membership (realm, organization, usr) WHERE is_default;

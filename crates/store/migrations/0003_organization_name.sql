-- Whether a name is free, for dialects in which organizations can't share one.
CREATE INDEX organization_name ON organization (realm, name);

-- The same as for users: beside its neighbours an entry is on a page that is written anyway.
DROP INDEX event_organization;
CREATE INDEX event_organization ON event (realm, (seq / 2048), organization);

-- Users come up in no order, so an entry of each event at the place of its user is a page of its own to be written. Beside the entries of
-- a few thousand neighbours it is on a page that is written anyway. Who looks for a user's events looks once in every such stretch of
-- the log: see `crates/store/src/events.rs`, which says 2048 too.
DROP INDEX event_usr;
CREATE INDEX event_usr ON event (realm, (seq / 2048), usr);
-- Who is gone leaves only these.
CREATE INDEX event_gone ON event (realm, usr) WHERE kind IN ('user.deleted', 'user.erased');

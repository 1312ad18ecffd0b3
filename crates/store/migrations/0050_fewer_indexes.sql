-- Each index is a page more to be written for each membership. Whether somebody is a member is found from the user just as well: he is in
-- few organizations. So one index is enough for that, and for that nobody is a member twice.
DROP INDEX membership_organization;
DROP INDEX membership_usr;
CREATE UNIQUE INDEX membership_usr ON membership (realm, usr, organization);

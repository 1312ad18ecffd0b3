// @clerk/backend 3.25.0, the official JavaScript SDK, as it is on npm, against the real binary.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { createClerkClient } from "@clerk/backend";

const { ROSTER_URL: url, ROSTER_KEY: key } = process.env;
assert.ok(url && key, "ROSTER_URL and ROSTER_KEY say where a server is, and its realm key");
const clerk = createClerkClient({ secretKey: key, apiUrl: `${url}/clerk`, apiVersion: "v1" });
const fresh = (word) => `${word}${randomUUID().slice(0, 8)}`;

const user = (fields = {}) => clerk.users.createUser({ emailAddress: [`${fresh("jo")}@example.com`], ...fields });
const organization = async (fields = {}) =>
  clerk.organizations.createOrganization({ name: fresh("Acme"), createdBy: (await user()).id, ...fields });

const refused = (call, status, code) =>
  assert.rejects(call, (error) => {
    assert.equal(error.status, status, JSON.stringify(error));
    assert.equal(error.errors[0].code, code);
    assert.ok(error.clerkTraceId);
    return true;
  });

test("the life of a membership", async () => {
  const org = await organization();
  const ann = await user({ firstName: "Ann" });
  const place = { organizationId: org.id, userId: ann.id };
  const made = await clerk.organizations.createOrganizationMembership({ ...place, role: "org:member" });
  assert.equal(made.role, "org:member");
  assert.equal(made.organization.id, org.id);
  assert.equal(made.publicUserData.firstName, "Ann");
  assert.equal(made.publicUserData.userId, ann.id);
  await refused(() => clerk.organizations.createOrganizationMembership({ ...place, role: "org:member" }), 400, "already_a_member_in_organization");
  const changed = await clerk.organizations.updateOrganizationMembership({ ...place, role: "org:admin" });
  assert.deepEqual([changed.id, changed.role], [made.id, "org:admin"]);
  const metadata = (fields) => clerk.organizations.updateOrganizationMembershipMetadata({ ...place, ...fields });
  await metadata({ publicMetadata: { outerKey: { innerKey: 1, gone: 2 } } });
  const merged = await metadata({ publicMetadata: { outerKey: { gone: null } } });
  assert.deepEqual(merged.publicMetadata, { outerKey: { innerKey: 1 } });
  const removed = await clerk.organizations.deleteOrganizationMembership(place);
  assert.equal(removed.id, made.id);
  await refused(() => clerk.organizations.deleteOrganizationMembership(place), 404, "resource_not_found");
  const creator = { organizationId: org.id, userId: org.createdBy };
  await refused(() => clerk.organizations.deleteOrganizationMembership(creator), 400, "organization_minimum_permissions_needed");
});

test("lists", async () => {
  const org = await organization();
  for (const firstName of ["Cid", "Ann"]) {
    const { id } = await user({ firstName });
    await clerk.organizations.createOrganizationMembership({ organizationId: org.id, userId: id, role: "org:viewer" });
  }
  const list = (options) => clerk.organizations.getOrganizationMembershipList({ organizationId: org.id, ...options });
  const sorted = await list({ orderBy: "+first_name", role: ["org:viewer"] });
  assert.deepEqual(sorted.data.map((m) => m.publicUserData.firstName), ["Ann", "Cid"]);
  assert.equal(sorted.totalCount, 2);
  assert.equal((await list({ limit: 1, offset: 1 })).data.length, 1);
  assert.equal((await list({ query: "CID" })).totalCount, 1);
  const users = await clerk.users.getUserList({ organizationId: [org.id], orderBy: "-created_at" });
  assert.equal(users.data.length, 3);
  const of = await clerk.users.getOrganizationMembershipList({ userId: users.data[0].id });
  assert.equal(of.data[0].organization.id, org.id);
  assert.ok((await clerk.organizations.getInstanceOrganizationMembershipList({ limit: 1 })).totalCount >= 3);
});

test("organizations", async () => {
  const org = await organization({ publicMetadata: { a: 1 }, maxAllowedMemberships: 1 });
  assert.equal((await clerk.organizations.getOrganization({ slug: org.slug, includeMembersCount: true })).membersCount, 1);
  const changed = await clerk.organizations.updateOrganization(org.id, { name: "New", publicMetadata: { b: 2 } });
  assert.deepEqual([changed.name, changed.slug], ["New", org.slug]);
  assert.deepEqual((await clerk.organizations.getOrganization({ organizationId: org.id })).publicMetadata, { b: 2 });
  const merged = await clerk.organizations.updateOrganizationMetadata(org.id, { privateMetadata: { c: 3 } });
  assert.deepEqual([merged.publicMetadata, merged.privateMetadata], [{ b: 2 }, { c: 3 }]);
  const full = { organizationId: org.id, userId: (await user()).id, role: "org:member" };
  await refused(() => clerk.organizations.createOrganizationMembership(full), 403, "organization_membership_quota_exceeded");
  const listed = await clerk.organizations.getOrganizationList({ query: org.slug });
  assert.deepEqual(listed.data.map((o) => o.id), [org.id]);
  const receipt = await clerk.organizations.deleteOrganization(org.id);
  assert.equal(receipt.deleted, true);
  await refused(() => clerk.organizations.getOrganization({ organizationId: org.id }), 404, "resource_not_found");
});

test("invitations", async () => {
  const org = await organization();
  const emailAddress = `${fresh("in")}@example.com`;
  const invite = { organizationId: org.id, emailAddress, role: "org:member" };
  const made = await clerk.organizations.createOrganizationInvitation({ ...invite, inviterUserId: org.createdBy });
  assert.equal(made.status, "pending");
  await refused(() => clerk.organizations.createOrganizationInvitation(invite), 400, "organization_invitation_not_unique");
  const listed = await clerk.organizations.getOrganizationInvitationList({ organizationId: org.id, status: ["pending"] });
  assert.deepEqual(listed.data.map((i) => i.id), [made.id]);
  const bulk = await clerk.organizations.createOrganizationInvitationBulk(org.id, [{ emailAddress: `${fresh("in")}@example.com`, role: "org:viewer" }]);
  assert.equal(bulk.data.length, 1);
  const revoked = await clerk.organizations.revokeOrganizationInvitation({ organizationId: org.id, invitationId: made.id });
  assert.equal(revoked.status, "revoked");
  await clerk.organizations.createOrganizationInvitation(invite);
});

test("users", async () => {
  const ann = await user({ firstName: "Ann", publicMetadata: { camelCase: 1 } });
  assert.equal(ann.emailAddresses[0].verification.status, "verified");
  const changed = await clerk.users.updateUser(ann.id, { lastName: "Lee", unsafeMetadata: { a: 1 } });
  assert.equal(changed.lastName, "Lee");
  const merged = await clerk.users.updateUserMetadata(ann.id, { publicMetadata: { camelCase: null, b: 2 } });
  assert.deepEqual(merged.publicMetadata, { b: 2 });
  assert.equal((await clerk.users.getCount({ userId: [ann.id] })), 1);
  assert.equal((await clerk.users.deleteUser(ann.id)).deleted, true);
  await refused(() => clerk.users.getUser(ann.id), 404, "resource_not_found");
});

test("a wrong key", async () => {
  const wrong = createClerkClient({ secretKey: "no-key-of-this-server", apiUrl: `${url}/clerk`, apiVersion: "v1" });
  await refused(() => wrong.users.getUserList(), 401, "clerk_key_invalid");
});

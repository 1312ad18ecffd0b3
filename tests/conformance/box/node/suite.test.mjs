// The JavaScript client against the server at ROSTER_URL, with the realm key ROSTER_KEY. `test_node.py` runs this.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";

import { BoxCcgAuth, BoxClient, BoxDeveloperTokenAuth, CcgConfig } from "box-node-sdk";
import { BaseUrls } from "box-node-sdk/networking/baseUrls";
import { NetworkSession } from "box-node-sdk/networking/network";

const { ROSTER_URL, ROSTER_KEY } = process.env;
const baseUrl = `${ROSTER_URL}/box`;
const networkSession = new NetworkSession({ baseUrls: new BaseUrls({ baseUrl, oauth2Url: `${baseUrl}/oauth2` }) });
const box = new BoxClient({ auth: new BoxDeveloperTokenAuth({ token: ROSTER_KEY }), networkSession });
const run = randomBytes(4).toString("hex");
let count = 0;
const fresh = (word) => `${word}${run}${(count += 1)}`;
const user = async () => (await box.users.createUser({ name: fresh("User "), login: `${fresh("jo")}@acme.example` })).id;
const group = async () => (await box.groups.createGroup({ name: fresh("Group ") })).id;
const member = (user, group, rest = {}) =>
  box.memberships.createGroupMembership({ user: { id: user }, group: { id: group }, ...rest });
const asUser = (userId) => {
  const config = new CcgConfig({ clientId: "tests", clientSecret: ROSTER_KEY, userId });
  return new BoxClient({ auth: new BoxCcgAuth({ config }), networkSession });
};

const refused = (promise, status, code, name) =>
  assert.rejects(promise, (error) => {
    const { statusCode, body } = error.responseInfo ?? {};
    assert.equal(statusCode, status, String(error));
    assert.equal(body.code, code);
    if (name) assert.equal(body.context_info.errors[0].name, name);
    return true;
  });

const NONE = { can_run_reports: false, can_instant_login: false, can_create_accounts: false, can_edit_accounts: false };

test("a membership from its beginning to its end", async () => {
  const [who, where] = [await user(), await group()];
  const made = await member(who, where, { role: "admin" });
  assert.deepEqual([made.type, made.role, made.user.id, made.group.id], ["group_membership", "admin", who, where]);
  assert.equal((await box.memberships.getGroupMembershipById(made.id)).id, made.id);
  const unchanged = await box.memberships.updateGroupMembershipById(made.id);
  assert.equal(unchanged.role, "admin");
  const changed = await box.memberships.updateGroupMembershipById(made.id, { requestBody: { role: "member" } });
  assert.equal(changed.role, "member");
  for (const page of [
    await box.memberships.getGroupMemberships(where, { queryParams: { limit: 1 } }),
    await box.memberships.getUserMemberships(who, { queryParams: { limit: 1, offset: 0 } }),
  ]) {
    assert.deepEqual([page.totalCount, page.limit, page.offset, page.entries.length], [1, 1, 0, 1]);
    assert.equal(page.entries[0].id, made.id);
  }
  await refused(member(who, where), 409, "conflict", "user");
  await box.memberships.deleteGroupMembershipById(made.id);
  // Of an answer to DELETE this client reads the status only.
  await assert.rejects(box.memberships.deleteGroupMembershipById(made.id), ({ responseInfo }) => responseInfo.statusCode === 404);
  await refused(box.memberships.getGroupMembershipById(made.id), 404, "not_found", "group_membership");
});

test("permissions, null and absent", async () => {
  const made = await member(await user(), await group(), { role: "admin", configurablePermissions: null });
  assert.deepEqual(made.rawData.configurable_permissions, NONE);
  const requestBody = { configurablePermissions: { can_run_reports: true } };
  const some = await box.memberships.updateGroupMembershipById(made.id, { requestBody });
  assert.ok(Object.values(some.rawData.configurable_permissions).every(Boolean));
  const queryParams = { fields: ["role"] };
  const shown = await box.memberships.getGroupMembershipById(made.id, { queryParams });
  assert.deepEqual(shown.rawData, { type: "group_membership", id: made.id, role: "admin" });
});

test("groups", async () => {
  const name = fresh("Ünit %_ ");
  const made = await box.groups.createGroup({ name, description: "d" }, { queryParams: { fields: ["description"] } });
  assert.equal(made.description, "d");
  await refused(box.groups.createGroup({ name }), 409, "conflict", "group_tag_name");
  const found = await box.groups.getGroups({ filterTerm: name.toUpperCase() });
  assert.deepEqual(found.entries.map((entry) => entry.id), [made.id]);
  assert.equal((await box.groups.updateGroupById(made.id, { requestBody: { name: `${name}!` } })).name, `${name}!`);
  assert.equal((await box.groups.getGroupById(made.id)).groupType, "managed_group");
  await box.groups.deleteGroupById(made.id);
  await refused(box.groups.getGroupById(made.id), 404, "not_found", "group");
});

test("users", async () => {
  const login = `${fresh("Ada")}@acme.example`;
  const made = await box.users.createUser({ name: "Ada", login, jobTitle: "CTO", role: "coadmin" });
  assert.deepEqual([made.login, made.jobTitle, made.status], [login.toLowerCase(), "CTO", "active"]);
  await refused(box.users.createUser({ name: "Ada", login }), 409, "user_login_already_used", "login");
  const full = await box.users.getUserById(made.id, { queryParams: { fields: ["role", "enterprise"] } });
  assert.deepEqual([full.role, full.enterprise.type], ["coadmin", "enterprise"]);
  const requestBody = { status: "inactive" };
  assert.equal((await box.users.updateUserById(made.id, { requestBody })).status, "inactive");
  let [seen, marker] = [[], undefined];
  do {
    const page = await box.users.getUsers({ usemarker: true, limit: 3, marker });
    seen.push(...page.entries.map((entry) => entry.id));
    marker = page.nextMarker;
  } while (marker);
  assert.ok(seen.includes(made.id));
  assert.deepEqual(seen, [...new Set(seen)]);
  await box.users.deleteUserById(made.id, { queryParams: { notify: true, force: false } });
  await refused(box.users.getUserById(made.id), 404, "not_found", "user");
  assert.equal((await box.users.getUserMe({ fields: ["role"] })).role, "admin");
});

test("tokens, and acting as another", async () => {
  const [who, where] = [await user(), await group()];
  const made = await member(who, where);
  const denied = "access_denied_insufficient_permissions";
  for (const client of [asUser(who), box.withAsUserHeader(who)]) {
    assert.equal((await client.users.getUserMe()).id, who);
    assert.equal((await client.memberships.getUserMemberships("me")).totalCount, 1);
    await refused(client.memberships.getGroupMembershipById(made.id), 403, denied);
    await refused(client.groups.createGroup({ name: fresh("Group ") }), 403, denied);
  }
  await refused(box.withAsUserHeader("100000").users.getUserMe(), 404, "not_found", "user");
});

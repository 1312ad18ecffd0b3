// better-auth with its organization plugin, as its documentation has it, on SQLite that is power-loss safe.
//
//     node server.mjs MEMBERS DATABASE FACTS
//
// Makes an organization of so many members, writes what a load needs to know into the file FACTS, and serves.
import { writeFileSync } from "node:fs";
import { serve } from "@hono/node-server";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { organization } from "better-auth/plugins/organization";
import Database from "better-sqlite3";
import { Hono } from "hono";

const SESSIONS = 300;
// Users who are in no organization, for additions.
const RESERVE = 20_000;
const [members, file, facts] = [Number(process.argv[2]), process.argv[3], process.argv[4]];
const origin = "http://localhost";

const database = new Database(file);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");

const auth = betterAuth({
  database,
  baseURL: origin,
  secret: "a-secret-for-the-bench-and-nothing-else",
  telemetry: { enabled: false },
  rateLimit: { enabled: false },
  // Passwords are only used to set up.
  emailAndPassword: { enabled: true, password: { hash: async (text) => text, verify: async () => true } },
  plugins: [organization({ membershipLimit: 10_000_000 })],
});
await (await getMigrations(auth.options)).runMigrations();

const cookies = [];
for (let number = 0; number < SESSIONS; number++) {
  const body = { email: `session${number}@example.com`, password: "a-password-of-someone", name: `Session ${number}` };
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true });
  cookies.push(headers.getSetCookie().map((line) => line.split(";")[0]).join("; "));
}
const owner = new Headers({ cookie: cookies[0] });
const { id } = await auth.api.createOrganization({ body: { name: "Big", slug: "big" }, headers: owner });

// The rest as rows: the library's own calls take as long as it is large.
const now = new Date().toISOString();
const user = database.prepare("INSERT INTO user (id, name, email, emailVerified, createdAt, updatedAt) VALUES (?, ?, ?, 1, ?, ?)");
const member = database.prepare("INSERT INTO member (id, organizationId, userId, role, createdAt) VALUES (?, ?, ?, 'admin', ?)");
const reserve = [];
database.transaction(() => {
  for (const row of database.prepare("SELECT id FROM user WHERE id NOT IN (SELECT userId FROM member)").all()) {
    member.run(`m-${row.id}`, id, row.id, now);
  }
  for (let number = SESSIONS; number < members + RESERVE; number++) {
    const name = `user-${number}`;
    user.run(name, `User ${number}`, `${name}@example.com`, now, now);
    if (number < members) member.run(`m-${name}`, id, name, now);
    else reserve.push(name);
  }
  database.prepare("UPDATE session SET activeOrganizationId = ?").run(id);
})();
database.pragma("wal_checkpoint(TRUNCATE)");
database.exec("ANALYZE");
writeFileSync(facts, JSON.stringify({ cookies, organization: id, reserve }));

const app = new Hono();
app.on(["GET", "POST"], "/api/auth/*", (context) => auth.handler(context.req.raw));
// Adding a member is a call for servers only, so a server has a route for it.
app.post("/members", async (context) => {
  const { userId, organizationId } = await context.req.json();
  return context.json(await auth.api.addMember({ body: { userId, organizationId, role: "member" } }), 201);
});
serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => {
  console.log(`listening on http://127.0.0.1:${port}`);
});

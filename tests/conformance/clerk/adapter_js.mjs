// Calls methods of @clerk/backend for who speaks JSON: a line in, a line out.
//
//   {"id": 1, "key": "rst_…", "path": "organizations.getOrganization", "args": [{"organizationId": "org_…"}]}
//   {"id": 1, "value": {…}}   or   {"id": 1, "refused": {"status": 404, "errors": […], "trace": "…"}}
import { createInterface } from "node:readline";

import { createClerkClient } from "@clerk/backend";

const clients = new Map();
const client = (key) => {
  if (!clients.has(key)) {
    clients.set(key, createClerkClient({ secretKey: key, apiUrl: `${process.env.ROSTER_URL}/clerk`, apiVersion: "v1" }));
  }
  return clients.get(key);
};

const call = async ({ key, path, args }) => {
  const [api, method] = path.split(".");
  try {
    return { value: (await client(key)[api][method](...args)) ?? null };
  } catch (error) {
    // Without a status it is the client that refused.
    if (error.status === undefined) return { lacks: String(error) };
    const snake = ({ paramName, ...rest }) => ({ ...rest, ...(paramName === undefined ? {} : { param_name: paramName }) });
    const errors = (error.errors ?? []).map(({ code, message, longMessage, meta }) => ({ code, message, long_message: longMessage, meta: snake(meta) }));
    return { refused: { status: error.status, errors, trace: error.clerkTraceId } };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  call(request).then((answer) => process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`));
}

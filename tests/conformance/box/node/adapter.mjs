// Calls methods of box-node-sdk for who speaks JSON: a line in, a line out.
//
//   {"id": 1, "token": "rst_…", "as": null, "path": "groups.getGroupById", "args": ["100014"]}
//   {"id": 1, "value": {…}}   or   {"id": 1, "refused": {"status": 404, "body": {…}}}
import { createInterface } from "node:readline";

import { BoxCcgAuth, BoxClient, BoxDeveloperTokenAuth, CcgConfig } from "box-node-sdk";
import { BaseUrls } from "box-node-sdk/networking/baseUrls";
import { NetworkSession } from "box-node-sdk/networking/network";

const { ROSTER_URL, ROSTER_KEY } = process.env;
const baseUrl = `${ROSTER_URL}/box`;
const networkSession = new NetworkSession({ baseUrls: new BaseUrls({ baseUrl, oauth2Url: `${baseUrl}/oauth2` }) });
const clients = new Map();

const client = ({ token, granted, as }) => {
  const known = JSON.stringify([token, granted, as]);
  if (!clients.has(known)) {
    const config = () => new CcgConfig({ clientId: "tests", clientSecret: ROSTER_KEY, userId: granted });
    const auth = granted ? new BoxCcgAuth({ config: config() }) : new BoxDeveloperTokenAuth({ token });
    const made = new BoxClient({ auth, networkSession });
    clients.set(known, as ? made.withAsUserHeader(as) : made);
  }
  return clients.get(known);
};

const call = async (request) => {
  const [api, method] = request.path.split(".");
  try {
    const value = await client(request)[api][method](...request.args);
    return { value: value?.rawData ?? value ?? null };
  } catch (error) {
    const { statusCode, body } = error.responseInfo ?? {};
    // Of a fixed token that is refused it only says that it has expired.
    if (statusCode === undefined) return /expired/.test(String(error)) ? { refused: { status: 401, body: null } } : { lacks: String(error) };
    return { refused: { status: statusCode, body: body ?? null } };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  call(request).then((answer) => process.stdout.write(`${JSON.stringify({ id: request.id, ...answer })}\n`));
}

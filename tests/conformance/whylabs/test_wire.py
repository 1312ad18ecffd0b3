"""What the clients really send, and what they need of an answer, byte by byte."""

import http.server
import json
import threading
from urllib.parse import urlsplit

import pytest
from whylabs_client.models import CreateManagedOrganizationRequest

import raw

from .speakeasy import Speakeasy
from .world import Sdk


@pytest.fixture(scope="module")
def recorder():
    """A server that keeps what it is sent and answers as if all were well."""
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def handle_one_request(self):
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, self.headers, body))
            metadata = {"orgId": "o", "role": "ADMIN", "userId": "u", "default": False, "id": "o", "name": "n"}
            answer = json.dumps({**metadata, "memberships": [], "errors": [], "requestId": "r"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", seen
    server.shutdown()
    server.server_close()


def test_what_the_released_client_sends(recorder):
    """The premises of these tests: should a new client differ, its contract has changed."""
    url, seen = recorder
    memberships = Sdk(url, "id.secret:org-1").memberships

    def sent(call, *arguments, **options):
        seen.clear()
        call(*arguments, **options)
        return seen[0]

    method, target, headers, body = sent(
        memberships.create_organization_membership, "org-1", "jo+x@acme.example", "ADMIN"
    )
    assert (method, urlsplit(target).path) == ("POST", "/whylabs/v0/organizations/org-1/membership")
    assert set(urlsplit(target).query.split("&")) == {"email=jo%2Bx%40acme.example", "role=ADMIN"}
    assert (headers["X-API-Key"], headers["Accept"]) == ("id.secret:org-1", "application/json")
    assert (headers["Content-Type"], headers["Content-Length"], body) == ("application/json", "0", b"")
    assert headers["User-Agent"] == "whylabs-client/1.0/python"
    for given in (True, False, None):
        target = sent(
            memberships.create_organization_membership, "org-1", "a", "ADMIN", set_default=given
        )[1]
        assert f"set_default={given}" in target
    method, target, headers, _ = sent(memberships.remove_organization_membership, "a/b ä", "jo bloggs")
    assert (method, target) == ("DELETE", "/whylabs/v0/organizations/a%2Fb%20%C3%A4/membership?email=jo+bloggs")
    assert (headers["Accept"], headers["Content-Type"]) == (None, None)


def test_what_the_second_client_sends(recorder):
    url, seen = recorder
    client = Speakeasy(url, "id.secret")
    seen.clear()
    client.create_organization_membership("org-1", "jo+x@acme.example", "ADMIN", set_default=True)
    client.patch_organization_memberships("org-1", "org-2", "VIEWER", ["user-1"], [])
    client.send("POST", "/v0/organizations", {"name": "a b", "override_id": "__SPEAKEASY_UNSET__"})
    (_, target, headers, _), (_, _, with_body, body), (_, unset, _, _) = seen
    assert target.endswith("?email=jo%2Bx%40acme.example&role=ADMIN&set_default=true")
    assert headers["user-agent"].startswith("speakeasy-sdk/python")
    assert (headers["X-API-Key"], headers["Content-Type"]) == ("id.secret", None)
    assert with_body["Content-Type"] == "application/json"
    assert json.loads(body) == {"userIdsToAdd": ["user-1"], "userIdsToDelete": []}
    assert unset.endswith("?name=a+b&override_id=__SPEAKEASY_UNSET__")


def test_removal_answers_an_object(world, organization):
    """The client before the released one fails on anything else."""
    _, email = world.member(organization)
    response = world.send("DELETE", f"/v0/organizations/{organization}/membership", query={"email": email})
    assert (response.status_code, response.json()) == (200, {})
    assert response.headers["Content-Type"].startswith("application/json")


def test_a_bare_plus_is_a_space(server, world, organization):
    word = world.fresh("jo")
    world.user(f"{word}+x@acme.example")
    target = f"/whylabs/v0/organizations/{organization}/membership?role=ADMIN&email={word}"
    for plus, status in [("+", 404), ("%20", 404), ("%2B", 200)]:
        answer = raw.send(server.url, "POST", f"{target}{plus}x@acme.example", [("X-API-Key", server.key)])
        assert answer.status_code == status, answer.text


def test_header_names_in_any_letter_case(server):
    for name in ("x-api-key", "X-API-KEY", "X-Api-Key"):
        answer = raw.send(server.url, "GET", "/whylabs/v1/api-key/validate", [(name, server.key)])
        assert answer.status_code == 200


def test_a_connection_is_used_again_after_refusals(world, organization):
    """Bodies that nobody read must not be taken for the next request."""
    client = world.root
    for _ in range(3):
        assert client.send("POST", "/v0/user", body={"email": "x" * 5000}).status_code == 400
        assert client.send("GET", "/nowhere", body={"a": 1}).status_code == 404
        assert client.list_organization_memberships(organization) == []


def test_bodies_are_sent_by_the_released_client_too(recorder):
    url, seen = recorder
    seen.clear()
    organizations = Sdk(url, "k").organizations
    organizations.create_managed_organization(CreateManagedOrganizationRequest("ä"))
    assert json.loads(seen[0][3]) == {"name": "ä"}


def test_the_dialect_describes_itself(server, world):
    answer = raw.send(server.url, "GET", "/whylabs/openapi.json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    assert "/whylabs/v0/organizations/{org_id}/membership" in document["paths"]

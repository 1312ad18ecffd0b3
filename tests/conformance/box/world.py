"""Groups, people and clients for the tests of this folder."""

import contextlib

import boxsdk
import boxsdk.config
import pytest
import requests
from box_sdk_gen import BaseUrls, BoxAPIError, BoxCCGAuth, BoxClient, BoxDeveloperTokenAuth, CCGConfig, NetworkSession
from box_sdk_gen.managers.memberships import CreateGroupMembershipGroup, CreateGroupMembershipUser
from boxsdk.exception import BoxAPIException

ALL = {"can_run_reports": True, "can_instant_login": True, "can_create_accounts": True, "can_edit_accounts": True}
NONE = dict.fromkeys(ALL, False)
DENIED = "access_denied_insufficient_permissions"


class World:
    def __init__(self, url, server, native, fresh):
        self.url, self.key, self.native, self.fresh = url, server.key, native, fresh
        boxsdk.config.API.BASE_API_URL = f"{url}/box/2.0"
        boxsdk.config.API.OAUTH2_API_URL = f"{url}/box/oauth2"
        self.sdk = self.with_token(server.key)
        self.legacy = self.legacy_with_token(server.key)

    @property
    def network(self):
        return NetworkSession(base_urls=BaseUrls(base_url=f"{self.url}/box", oauth_2_url=f"{self.url}/box/oauth2"))

    def with_token(self, token):
        return BoxClient(BoxDeveloperTokenAuth(token), network_session=self.network)

    def legacy_with_token(self, token):
        return boxsdk.Client(boxsdk.OAuth2(client_id="tests", client_secret="none", access_token=token))

    def granted(self, **subject):
        """A client that gets its tokens by the client-credentials grant."""
        auth = BoxCCGAuth(CCGConfig("tests", self.key, **subject))
        return BoxClient(auth, network_session=self.network)

    def as_user(self, user):
        return self.granted(user_id=user)

    def address(self, word="jo"):
        return f"{self.fresh(word)}@acme.example"

    def user(self, name=None, login=None, **given):
        return self.sdk.users.create_user(name or self.fresh("User "), login=login or self.address(), **given).id

    def group(self, name=None, **given):
        return self.sdk.groups.create_group(name or self.fresh("Group "), **given).id

    def member(self, group, user, client=None, **given):
        memberships = (client or self.sdk).memberships
        return memberships.create_group_membership(
            CreateGroupMembershipUser(id=user), CreateGroupMembershipGroup(id=group), **given
        )

    def send(self, method, path, key=True, **options):
        """One request that no client would send."""
        headers = options.pop("headers", {})
        if key:
            headers = {"Authorization": f"Bearer {self.key if key is True else key}", **headers}
        return requests.request(method, f"{self.url}/box{path}", headers=headers, timeout=30, **options)

    def token(self, **fields):
        given = {"grant_type": "client_credentials", "client_id": "tests", "client_secret": self.key}
        return self.send("POST", "/oauth2/token", key=None, data={**given, **fields})


def assert_error(response, status, code, parameter=None):
    """A refusal has one form, whatever was refused."""
    assert response.status_code == status, f"{response.status_code} {response.text}"
    assert response.headers["Content-Type"].split(";")[0] == "application/json"
    body = response.json()
    assert set(body) == {"type", "status", "code", "context_info", "help_url", "message", "request_id"}, body
    assert (body["type"], body["status"], body["code"]) == ("error", status, code), body
    assert body["request_id"] and body["request_id"] == response.headers["BOX-REQUEST-ID"]
    named = (body["context_info"] or {}).get("errors", [{}])[0].get("name")
    assert parameter is None or named == parameter, body
    return body


@contextlib.contextmanager
def refused(status, code, parameter=None):
    """Either client is refused in the block."""
    with pytest.raises((BoxAPIError, BoxAPIException)) as caught:
        yield caught
    error = caught.value
    if isinstance(error, BoxAPIException):
        found, context = (error.status, error.code), error.context_info
    else:
        info = error.response_info
        found, context = (info.status_code, info.code), info.context_info
    assert found == (status, code), error
    if parameter:
        assert context["errors"][0]["name"] == parameter, context

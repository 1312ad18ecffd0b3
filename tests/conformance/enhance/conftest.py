"""The generated clients, each with every operation: those of Roster's own description, and those of the vendor's where it is there."""

import importlib
import json
import os
import sys
from pathlib import Path

import pytest

CLIENTS = Path(os.environ.get("ENHANCE_CLIENTS", ".")).resolve()
# Package, and where its paths begin.
PACKAGES = {"own": "", "vendor": "/enhance"}
FOUND = [name for name in PACKAGES if (CLIENTS / name).is_dir()]


def pytest_collection_modifyitems(items):
    for item in items:
        # The generated code's own, of whatever Python and pydantic it meets.
        item.add_marker(pytest.mark.filterwarnings("ignore"))


class Package:
    """One generated client."""

    def __init__(self, name):
        folder = str(CLIENTS / name)
        if folder not in sys.path:
            sys.path.insert(0, folder)
        self.name = name
        self.code = importlib.import_module(f"enhance_{name}")
        self.role = self.code.Role

    def client(self, url, token=None, cookie=None, header=None):
        """All operations under one roof, by a token; or by the secret of a session, which the client sends without its name."""
        configuration = self.code.Configuration(host=url + PACKAGES[self.name])
        if token:
            configuration.access_token = token
        if cookie:
            configuration.api_key["sessionCookie"] = cookie
        api_client = self.code.ApiClient(configuration, cookie=header)
        return Operations(self, api_client)

    def roles(self, *names):
        return [self.role(name) for name in names]


class Operations:
    CLASSES = ("MembersApi", "OwnerApi", "OrgsApi", "LoginsApi", "CustomersApi", "InvitesApi", "InstallApi")

    def __init__(self, package, api_client):
        self.package = package
        self.apis = [getattr(package.code, name)(api_client) for name in self.CLASSES]

    def __getattr__(self, name):
        for api in self.apis:
            if hasattr(api, name):
                return getattr(api, name)
        raise AttributeError(name)


class World:
    def __init__(self, package, url, server, native, fresh):
        self.package, self.url, self.server, self.native, self.fresh = package, url, server, native, fresh
        self.roles = package.roles
        self.realm = self.client(server.key)
        root = next(o for o in native.get("/organizations", limit=500)["items"] if o["parent_id"] is None)
        self.master = root["ids"]["enhance"]

    def client(self, token=None, **given):
        return self.package.client(self.url, token, **given)

    def address(self, word="jo"):
        return f"{self.fresh(word)}@acme.example"

    def org(self, parent=None, name=None):
        return self.realm.create_customer(parent or self.master, {"name": name or self.fresh("Customer ")}).id

    def login(self, org, email=None, password="secret", name=None):
        info = {"email": email or self.address(), "password": password, "name": name or self.fresh("Person ")}
        return self.realm.create_login(org, info).id

    def member(self, org, login, *roles):
        return self.realm.create_member(org, {"loginId": login, "roles": self.roles(*roles)}).id

    def token(self, org, *roles, **given):
        return self.realm.create_access_token(org, {"roles": self.roles(*roles), **given}).unencrypted_token

    def acting(self, org, *roles):
        """A client that acts with these roles at an organization."""
        return self.client(self.token(org, *roles))

    def refused(self, status, call, *given, **named):
        """The body of a refusal with this status, which has the form that all have."""
        with pytest.raises(self.package.code.ApiException) as error:
            call(*given, **named)
        assert error.value.status == status, error.value
        assert error.value.headers["content-type"] == "application/json"
        body = json.loads(error.value.body)
        codes = {400: "invalid_input", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "already_exists"}
        assert body["code"] == codes[status] and isinstance(body["message"], str)
        assert self.server.key not in error.value.body
        return body


UNKNOWN = "526f7374-6572-8000-8000-000000000001"


@pytest.fixture(scope="session", params=FOUND or ["own"])
def world(request, url, server, native, fresh):
    return World(Package(request.param), url, server, native, fresh)


@pytest.fixture
def org(world):
    return world.org()

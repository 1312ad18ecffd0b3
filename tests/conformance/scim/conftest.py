"""Roster as a SCIM service, for the clients and test tools of scim2-* and for what directories literally send."""

import pytest
import requests


class Raw:
    """Requests as they are written down."""

    def __init__(self, url, key=None):
        self.url, self.session = url, requests.Session()
        if key:
            self.session.headers["Authorization"] = f"Bearer {key}"

    def __call__(self, method, path, body=None, **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            headers.setdefault("Content-Type", "application/scim+json")
        return self.session.request(method, self.url + path, json=body, headers=headers, timeout=60)


@pytest.fixture(scope="session")
def scim(server):
    raw = Raw(f"{server.url}/scim/v2", server.key)
    yield raw
    raw.session.close()

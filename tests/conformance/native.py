"""The native API, as far as these tests need it."""

import requests


class Native:
    def __init__(self, url, key):
        self.url, self.session = f"{url}/v1", requests.Session()
        self.session.headers["Authorization"] = f"Bearer {key}"

    def call(self, method, path, body=None, **options):
        return self.session.request(method, self.url + path, json=body, timeout=30, **options)

    def _done(self, method, path, body=None, **options):
        response = self.call(method, path, body, **options)
        assert response.ok, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def get(self, path, **parameters):
        return self._done("GET", path, params=parameters)

    def post(self, path, body):
        return self._done("POST", path, body)

    def put(self, path, body):
        return self._done("PUT", path, body)

    def patch(self, path, body):
        return self._done("PATCH", path, body)

    def delete(self, path):
        return self._done("DELETE", path)

    def events(self, after=0):
        """All events after this number."""
        found = []
        while True:
            page = self.get("/events", after=after, limit=500)
            if not page["items"]:
                return found
            found += page["items"]
            after = page["next_after"]

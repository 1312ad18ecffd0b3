"""The same random operations against Roster and against scim2-server: where they differ, it is said here why."""

import json
import os
import random
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from .conftest import Raw

SEEDS = [int(seed) for seed in os.environ.get("SCIM_SEEDS", "1 2 3").split()]
STEPS = int(os.environ.get("SCIM_STEPS", "250"))
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def reference():
    """scim2-server in this process, empty."""
    from scim2_models import ScimProvider
    from scim2_server.memory import InMemoryStorage
    from scim2_server.service import ScimService
    from scim2_server.testserver.application import BearerTokenApplication
    from scim2_server.utils import (
        load_default_resource_types,
        load_default_schemas,
        load_default_service_provider_config,
    )

    provider = ScimProvider.from_discovery(
        load_default_schemas().values(),
        load_default_resource_types().values(),
        config=load_default_service_provider_config(),
    )
    service = ScimService(provider, secret="a secret for the cursors of this test")
    application = BearerTokenApplication(InMemoryStorage(), provider, service=service, bearer_tokens=[])
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        raw = Raw(f"http://127.0.0.1:{server.server_port}/v2")
        yield raw
        raw.session.close()
        server.shutdown()
        thread.join()


class Both:
    """Two services, and which of their ids stand for the same."""

    def __init__(self, roster, reference, word):
        self.sides = [roster, reference]
        self.ids = {}
        self.word = word

    def _in_words_of(self, value, side):
        text = json.dumps(value)
        for name, ids in self.ids.items():
            text = text.replace(f"@{name}@", ids[side])
        return json.loads(text)

    def __call__(self, method, path, body=None):
        answers = []
        for side, send in enumerate(self.sides):
            said = self._in_words_of([path, body], side)
            answers.append(send(method, *said))
        return answers

    def plain(self, answer, side):
        """What is compared: ids by their names, and nothing that no two services have the same."""
        if not answer.content:
            return None
        text = answer.text
        for name, ids in self.ids.items():
            text = text.replace(ids[side], f"@{name}@")
        return cleaned(json.loads(text))


def cleaned(value):
    if isinstance(value, list):
        return [cleaned(one) for one in value]
    if not isinstance(value, dict):
        return value
    # Each has its own addresses, times and tags.
    value = {name: cleaned(one) for name, one in value.items() if name not in {"meta", "$ref"}}
    # An extension without data isn't in Roster's `schemas`; the order there means nothing.
    value.pop("schemas", None)
    # Roster shows a user's groups; the reference has no such link.
    value.pop("groups", None)
    # The kind of a member: Roster says it, the reference shows what was sent.
    if set(value) <= {"value", "type", "display"}:
        value.pop("type", None) if value.get("type") == "User" else None
    # Nothing and an empty list are the same (RFC 7643, 2.5); so are a primary that is false and none.
    return {name: one for name, one in value.items() if one not in ([], None, False) or name == "active"}


class Mover:
    def __init__(self, both, random_):
        self.both, self.random = both, random_
        self.users, self.groups, self.made = [], [], 0

    def user_body(self, name):
        r = self.random
        body = {"schemas": [USER], "userName": f"{self.both.word}{name}", "active": r.random() < 0.8}
        if r.random() < 0.7:
            body["name"] = {"givenName": r.choice(["Ada", "Bob"]), "familyName": r.choice(["King", "Doe"])}
        if r.random() < 0.7:
            body["emails"] = [{"value": f"{self.both.word}{name}@example.com", "type": "work", "primary": True}]
            if r.random() < 0.5:
                body["emails"].append({"value": f"{name}@home.example", "type": "home"})
        for attribute in ("title", "nickName", "displayName"):
            if r.random() < 0.4:
                body[attribute] = r.choice(["one", "Two", "thrée"])
        return body

    def some_members(self):
        chosen = self.random.sample(self.users, min(len(self.users), self.random.randint(0, 3)))
        return [{"value": f"@{name}@"} for name in chosen]

    def create(self, kind):
        self.made += 1
        name = f"{kind[0]}{self.made}"
        if kind == "user":
            path, body, known = "/Users", self.user_body(name), self.users
        else:
            path, body, known = "/Groups", {"schemas": [GROUP], "displayName": f"{self.both.word}{name}"}, self.groups
            body["members"] = self.some_members()
        answers = self.both("POST", path, body)
        assert [answer.status_code for answer in answers] == [201, 201], [answer.text for answer in answers]
        self.both.ids[name] = [answer.json()["id"] for answer in answers]
        known.append(name)
        return answers

    def user_operation(self):
        r = self.random
        return r.choice([
            lambda: {"op": "replace", "path": "title", "value": r.choice(["x", "Y"])},
            lambda: {"op": "add", "path": "nickName", "value": "nick"},
            lambda: {"op": "remove", "path": r.choice(["title", "nickName", "displayName"])},
            lambda: {"op": "replace", "path": "name.givenName", "value": r.choice(["Eve", "Zoe"])},
            lambda: {"op": "replace", "path": "active", "value": r.random() < 0.5},
            lambda: {"op": "replace", "value": {"displayName": "shown", "name": {"familyName": "New"}}},
            lambda: {"op": "add", "path": "phoneNumbers", "value": [{"value": f"+{r.randint(1, 3)}", "type": "work"}]},
            lambda: {"op": "remove", "path": 'phoneNumbers[value eq "+1"]'},
            lambda: {"op": "replace", "path": "phoneNumbers", "value": [{"value": "+9", "type": "home"}]},
        ])()

    def group_operation(self):
        r = self.random
        one = r.choice(self.users) if self.users else "nobody"
        return r.choice([
            lambda: {"op": "add", "path": "members", "value": self.some_members()},
            lambda: {"op": "add", "value": {"members": self.some_members()}},
            lambda: {"op": "remove", "path": f'members[value eq "@{one}@"]'},
            lambda: {"op": "replace", "path": "members", "value": self.some_members()},
            lambda: {"op": "remove", "path": "members"},
        ])()

    def filters(self):
        r = self.random
        word = self.both.word
        return r.choice([
            f'userName sw "{word}"',
            f'userName sw "{word}" and active eq true',
            f'userName sw "{word}" and title pr',
            f'userName sw "{word}" and not (name.givenName eq "ADA")',
            f'userName sw "{word}" and (title eq "x" or nickName co "IC")',
            f'userName sw "{word}" and emails[type eq "home" and value ew ".example"]',
            f'userName sw "{word}" and emails.type eq "work"',
            f'userName sw "{word}" and displayName ge "shown"',
        ])


def by_name(listed):
    return sorted((entry.get("userName") or entry.get("displayName")) for entry in listed.get("Resources", []))


@pytest.mark.parametrize("seed", SEEDS)
def test_random_operations(scim, reference, fresh, seed):
    both = Both(scim, reference, fresh("w"))
    mover = Mover(both, random.Random(seed))
    for step in range(STEPS):
        r = mover.random.random()
        if len(mover.users) < 3 or r < 0.12:
            said, answers = "create a user", mover.create("user")
        elif not mover.groups or r < 0.18:
            said, answers = "create a group", mover.create("group")
        elif r < 0.24:
            name = mover.random.choice(mover.users)
            said = ("PUT", f"/Users/@{name}@", mover.user_body(name))
            answers = both(*said)
        elif r < 0.50:
            name = mover.random.choice(mover.users)
            operations = [mover.user_operation() for _ in range(mover.random.randint(1, 3))]
            said = ("PATCH", f"/Users/@{name}@", {"schemas": [PATCH], "Operations": operations})
            answers = both(*said)
            if answers[1].status_code == 204:
                # Either is good after a PATCH (RFC 7644, 3.5.2); what counts is what is there then.
                assert answers[0].status_code == 200, (said, answers[0].text)
                answers = both("GET", f"/Users/@{name}@")
        elif r < 0.85:
            name = mover.random.choice(mover.groups)
            operation = mover.group_operation()
            said = ("PATCH", f"/Groups/@{name}@", {"schemas": [PATCH], "Operations": [operation]})
            answers = both(*said)
            # The reference answers 200 with the whole group; Roster says nothing of thousands of members.
            assert answers[0].status_code == 204 or answers[0].status_code == answers[1].status_code, (said, answers[0].text)
            if answers[1].status_code >= 400 and answers[0].status_code == 204:
                # A filter that matches nobody: RFC 7644 lets a server answer noTarget. Roster doesn't, for who tries again.
                assert operation["op"] == "remove", (said, answers[1].text)
            answers = both("GET", f"/Groups/@{name}@")
        elif r < 0.90 and len(mover.users) > 4:
            name = mover.users.pop(mover.random.randrange(len(mover.users)))
            answers = both("DELETE", f"/Users/@{name}@")
            said = f"delete {name}"
            # The reference leaves who is gone in his groups; Roster takes him out.
            for group in mover.groups:
                gone = [{"op": "remove", "path": f'members[value eq "@{name}@"]'}]
                both("PATCH", f"/Groups/@{group}@", {"schemas": [PATCH], "Operations": gone})
        else:
            query = mover.filters()
            said = f"filter {query}"
            answers = both("GET", f"/Users?count=500&filter={query.replace(' ', '%20')}")
            assert [answer.status_code for answer in answers] == [200, 200], (said, [answer.text for answer in answers])
            # Each has an order of its own where none is asked for.
            assert by_name(answers[0].json()) == by_name(answers[1].json()), (step, said)
            continue
        codes = [answer.status_code for answer in answers]
        if codes[0] != codes[1] and codes == [200, 400]:
            # As above, for values of a user: removing what isn't there.
            assert "remove" in json.dumps(said), (said, [answer.text for answer in answers])
            continue
        assert codes[0] == codes[1], (step, said, [answer.text for answer in answers])
        shown = [ordered(both.plain(answer, side)) for side, answer in enumerate(answers)]
        assert shown[0] == shown[1], (step, said)


def ordered(resource):
    """Members, and values of a list, have no order."""
    if not isinstance(resource, dict):
        return resource
    lists = {name: sorted(value, key=json.dumps) for name, value in resource.items() if isinstance(value, list)}
    return {**resource, **lists}

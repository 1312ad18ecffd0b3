"""scim2-client as a real client: it finds the schemas out, makes models of them, and holds every answer against them."""

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_models import NotFoundException, PatchOp, PatchOperation, PreconditionFailedException, SearchRequest, UniquenessException

EXTENSION = "urn:roster:scim:schemas:extension:1.0:Group"


@pytest.fixture
def client(server):
    headers = {"Authorization": f"Bearer {server.key}"}
    with Client(base_url=f"{server.url}/scim/v2", headers=headers, timeout=60) as connection:
        client = SyncSCIMClient(connection)
        client.discover()
        yield client


def test_users_and_groups(client, fresh, native):
    User, Group = client.get_resource_model("User"), client.get_resource_model("Group")
    name = fresh("ada")
    user = client.create(User(user_name=f"{name}@example.com", name=User.Name(given_name="Ada", family_name="King")))
    assert native.get(f"/users/{user.id}")["email"] == f"{name}@example.com"
    group = client.create(Group(display_name=fresh("acme"), members=[Group.Members(value=user.id)]))
    members = native.get(f"/organizations/{group.id}/memberships")["items"]
    assert [(member["user"]["id"], member["roles"]) for member in members] == [(user.id, ["member"])]

    # The client sends the version that it has as If-Match, and joining a group has moved it.
    user.title = "Countess"
    with pytest.raises(PreconditionFailedException):
        client.replace(user)
    user = client.query(User, user.id)
    user.title = "Countess"
    assert client.replace(user).title == "Countess"
    found = client.query(User, query_parameters=SearchRequest(filter=f'userName eq "{name.upper()}@EXAMPLE.COM"'))
    assert [one.id for one in found.resources] == [user.id]

    other = client.create(User(user_name=fresh("bob")))
    add = PatchOperation(op="add", path="members", value=[Group.Members(value=other.id)])
    client.modify(Group, group.id, PatchOp[Group](operations=[add]))
    remove = PatchOperation(op="remove", path=f'members[value eq "{user.id}"]')
    client.modify(Group, group.id, PatchOp[Group](operations=[remove]))
    assert [member.value for member in client.query(Group, group.id).members] == [other.id]

    with pytest.raises(UniquenessException):
        client.create(User(user_name=f"{name.upper()}@example.com"))
    client.delete(Group, group.id)
    client.delete(User, user.id)
    with pytest.raises(NotFoundException):
        client.query(User, user.id)


def test_search_and_pages(client, fresh):
    User = client.get_resource_model("User")
    word = fresh("page")
    made = {client.create(User(user_name=f"{word}-{number}")).id for number in range(7)}
    request = SearchRequest(filter=f'userName sw "{word}"', sort_by="userName", count=3)
    seen, start = [], 1
    while True:
        request.start_index = start
        page = client.query(User, query_parameters=request)
        assert page.total_results == 7
        if not page.resources:
            break
        seen += [user.id for user in page.resources]
        start += len(page.resources)
    assert len(seen) == 7 and set(seen) == made

"""What Entra, Okta and Google literally send in the course of a provisioning, one after the other."""

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


def members(scim, group):
    return {member["value"] for member in scim("GET", f"/Groups/{group}").json()["members"]}


def test_entra(scim, fresh):
    name = f"{fresh('jyoung')}@testuser.com"
    found = scim("GET", '/Users?filter=userName eq "5587ca1a-6b86-4b5e-8c4f-non-existent"')
    assert (found.status_code, found.json()["totalResults"], found.json()["Resources"]) == (200, 0, [])
    made = scim("POST", "/Users", {
        "schemas": [USER, ENTERPRISE],
        "externalId": fresh("0a21f0f2"),
        "userName": name,
        "active": True,
        "displayName": "Joy Young",
        "emails": [{"type": "work", "value": name, "primary": True}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Joy Young", "familyName": "Young", "givenName": "Joy"},
        "roles": [],
    })
    assert made.status_code == 201, made.text
    user = made.json()["id"]
    changed = scim("PATCH", f"/Users/{user}", {
        "schemas": [PATCH],
        "Operations": [
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": f"new-{name}"},
            {"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "+1 206 555"},
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": "26118915-6090-4610-87e4-49d8ca9f808d"},
            {"op": "Replace", "value": {"name.familyName": "Older", f"{ENTERPRISE}:department": "Legal"}},
            {"op": "Replace", "path": "active", "value": "False"},
        ],
    })
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert body["emails"][0]["value"] == f"new-{name}" and body["active"] is False
    assert body["name"]["familyName"] == "Older" and body[ENTERPRISE]["department"] == "Legal"

    group = scim("POST", "/Groups", {
        "schemas": [GROUP, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],
        "externalId": fresh("8aa1a0c0"),
        "displayName": fresh("Group"),
        "meta": {"resourceType": "Group"},
    })
    assert group.status_code == 201 and group.json()["schemas"] == [GROUP], group.text
    group = group.json()["id"]
    other = scim("POST", "/Users", {"schemas": [USER], "userName": fresh("other")}).json()["id"]
    add = [{"op": "Add", "path": "members", "value": [{"$ref": None, "value": user}, {"$ref": None, "value": other}]}]
    assert scim("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": add}).status_code == 204
    is_member = f'/Groups?excludedAttributes=members&filter=id eq "{group}" and members eq "{user}"'
    assert scim("GET", is_member).json()["totalResults"] == 1
    remove = [{"op": "Remove", "path": "members", "value": [{"$ref": None, "value": user}]}]
    assert scim("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": remove}).status_code == 204
    assert members(scim, group) == {other}
    assert scim("GET", is_member).json()["totalResults"] == 0
    assert scim("DELETE", f"/Groups/{group}").status_code == 204
    assert scim("DELETE", f"/Users/{user}").status_code == 204


def test_okta(scim, fresh):
    name = f"{fresh('isaac')}@okta.example"
    found = scim("GET", f"/Users?filter=userName%20eq%20%22{name}%22&startIndex=1&count=100")
    assert found.json()["totalResults"] == 0
    body = {
        "schemas": [USER],
        "userName": name,
        "name": {"givenName": "Isaac", "familyName": "Brock"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "displayName": "Isaac Brock",
        "locale": "en-US",
        "externalId": fresh("00ujl29u0le5T6Aj10h7"),
        "groups": [],
        "password": "1mz050nq",
        "active": True,
    }
    made = scim("POST", "/Users", body)
    assert made.status_code == 201 and "1mz050nq" not in made.text, made.text
    assert scim("POST", "/Users", {**body, "userName": name.upper()}).status_code == 409
    user = made.json()["id"]
    group = scim("POST", "/Groups", {"schemas": [GROUP], "displayName": fresh("Sales"), "members": []}).json()["id"]
    push = [{"op": "replace", "path": "members", "value": [{"value": user, "display": name}]}]
    assert scim("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": push}).status_code == 204
    rename = [{"op": "replace", "value": {"id": group, "displayName": fresh("Renamed")}}]
    assert scim("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": rename}).status_code == 204
    assert members(scim, group) == {user}
    # It reads the whole resource, changes one thing, and puts it back.
    read = scim("GET", f"/Users/{user}").json()
    assert [entry["value"] for entry in read["groups"]] == [group]
    off = scim("PUT", f"/Users/{user}", {**read, "active": False})
    assert off.status_code == 200 and off.json()["active"] is False, off.text
    assert members(scim, group) == {user}
    off = [{"op": "replace", "value": {"active": False}}]
    assert scim("PATCH", f"/Users/{user}", {"schemas": [PATCH], "Operations": off}).status_code == 200
    assert members(scim, group) == {user}


def test_google(scim, fresh):
    attributes = {
        attribute["name"]: attribute
        for schema in scim("GET", "/Schemas").json()["Resources"]
        for attribute in schema["attributes"]
    }
    needed = {"name", "type", "multiValued", "description", "required", "caseExact", "mutability", "returned", "uniqueness"}
    assert all(needed <= set(attribute) for attribute in attributes.values())
    assert attributes["emails"]["subAttributes"]
    name = f"{fresh('user')}@google.example"
    made = scim("POST", "/Users", {
        "schemas": [USER, ENTERPRISE],
        "userName": name,
        "name": {"givenName": "G", "familyName": "User"},
        "emails": [{"value": name, "type": "work", "primary": True}],
        ENTERPRISE: {"department": "Sales"},
    })
    assert made.status_code == 201, made.text
    user = made.json()["id"]
    suspend = [{"op": "replace", "path": "active", "value": False}]
    assert scim("PATCH", f"/Users/{user}", {"schemas": [PATCH], "Operations": suspend}).json()["active"] is False
    assert scim("DELETE", f"/Users/{user}").status_code == 204
    assert scim("DELETE", f"/Users/{user}").status_code == 404

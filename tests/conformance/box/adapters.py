"""Box's three clients, as the cases know one."""

import json
import os
import re
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path

from box_sdk_gen import BoxAPIError, BoxSDKError
from box_sdk_gen.internal.null_value import null
from box_sdk_gen.managers.memberships import CreateGroupMembershipGroup, CreateGroupMembershipUser
from boxsdk.exception import BoxAPIException, BoxOAuthException

from .cases import Lacks, Refused

FOLDER = Path(__file__).parent / "node"


def refused(status, body):
    """From the one form of errors."""
    if not isinstance(body, dict):
        return Refused(status, None)
    context = body.get("context_info") or {}
    return Refused(status, body.get("code"), (context.get("errors") or [{}])[0].get("name"), context)


def nulls(fields):
    """The newer Python client takes `None` for absent."""
    return {key: null if value is None else value for key, value in fields.items()}


class Newer:
    """box_sdk_gen."""

    def __init__(self, world, client):
        self.world, self.client = world, client

    def with_token(self, token):
        return Newer(self.world, self.world.with_token(token))

    def granted(self, user):
        return Newer(self.world, self.world.as_user(user))

    def as_user(self, user):
        return Newer(self.world, self.client.with_as_user_header(user))

    def _call(self, api, method, *args, **fields):
        try:
            answer = getattr(getattr(self.client, api), method)(*args, **fields)
        except BoxAPIError as error:
            info = error.response_info
            raise refused(info.status_code, info.body if isinstance(info.body, dict) else json.loads(info.body or "null")) from error
        except BoxSDKError as error:
            # Of a fixed token that is refused it only says that it has expired.
            if "expired" in str(error):
                raise Refused(401, None) from error
            raise
        return None if answer is None else answer.raw_data

    def create_membership(self, user, group, **fields):
        user, group = CreateGroupMembershipUser(id=user), CreateGroupMembershipGroup(id=group)
        return self._call("memberships", "create_group_membership", user, group, **nulls(fields))

    def get_membership(self, membership, **query):
        return self._call("memberships", "get_group_membership_by_id", membership, **query)

    def update_membership(self, membership, **fields):
        return self._call("memberships", "update_group_membership_by_id", membership, **nulls(fields))

    def delete_membership(self, membership):
        self._call("memberships", "delete_group_membership_by_id", membership)

    def group_memberships(self, group, **query):
        return self._call("memberships", "get_group_memberships", group, **query)

    def user_memberships(self, user, **query):
        return self._call("memberships", "get_user_memberships", user, **query)

    def create_group(self, name, **fields):
        return self._call("groups", "create_group", name, **fields)

    def get_group(self, group, **query):
        return self._call("groups", "get_group_by_id", group, **query)

    def update_group(self, group, **fields):
        return self._call("groups", "update_group_by_id", group, **fields)

    def delete_group(self, group):
        self._call("groups", "delete_group_by_id", group)

    def groups(self, **query):
        return self._call("groups", "get_groups", **query)

    def create_user(self, name, login, **fields):
        return self._call("users", "create_user", name, login=login, **fields)

    def get_user(self, user, **query):
        return self._call("users", "get_user_by_id", user, **query)

    def me(self, **query):
        return self._call("users", "get_user_me", **query)

    def update_user(self, user, **fields):
        return self._call("users", "update_user_by_id", user, **fields)

    def delete_user(self, user, **query):
        self._call("users", "delete_user_by_id", user, **query)

    def users(self, **query):
        return self._call("users", "get_users", **query)


class Older:
    """boxsdk. Its lists are iterators that ask for page after page."""

    def __init__(self, world, client):
        self.world, self.client = world, client

    def with_token(self, token):
        return Older(self.world, self.world.legacy_with_token(token))

    def granted(self, user):
        token = self.world.token(box_subject_type="user", box_subject_id=user).json()["access_token"]
        return self.with_token(token)

    def as_user(self, user):
        return Older(self.world, self.client.as_user(self.client.user(user)))

    def _do(self, call):
        try:
            answer = call()
            return answer.response_object if hasattr(answer, "response_object") else answer
        except BoxAPIException as error:
            context = error.context_info or {}
            raise Refused(error.status, error.code, (context.get("errors") or [{}])[0].get("name"), context) from error
        except BoxOAuthException as error:
            # It asks for another token by a refresh token that it hasn't got.
            raise Refused(401, None) from error

    def _list(self, call):
        entries = self._do(lambda: list(call()))
        entries = [entry.response_object for entry in entries]
        return {"entries": entries, "total_count": len(entries)}

    def create_membership(self, user, group, role="member", **fields):
        return self._do(lambda: self.client.group(group).add_member(self.client.user(user), role=role, **fields))

    def get_membership(self, membership, **query):
        return self._do(lambda: self.client.group_membership(membership).get(**query))

    def update_membership(self, membership, **fields):
        return self._do(lambda: self.client.group_membership(membership).update_info(data=fields))

    def delete_membership(self, membership):
        self._do(lambda: self.client.group_membership(membership).delete())

    def group_memberships(self, group, **query):
        return self._list(lambda: self.client.group(group).get_memberships(**query))

    def user_memberships(self, user, **query):
        return self._list(lambda: self.client.user(user).get_group_memberships(**query))

    def create_group(self, name, **fields):
        return self._do(lambda: self.client.create_group(name, **fields))

    def get_group(self, group, **query):
        return self._do(lambda: self.client.group(group).get(**query))

    def update_group(self, group, **fields):
        return self._do(lambda: self.client.group(group).update_info(data=fields))

    def delete_group(self, group):
        self._do(lambda: self.client.group(group).delete())

    def groups(self, filter_term=None, **query):
        return self._list(lambda: self.client.get_groups(name=filter_term, **query))

    def create_user(self, name, login, is_platform_access_only=None, **fields):
        # Without a login it says by itself that the user is an application's.
        return self._do(lambda: self.client.create_user(name, login, **fields))

    def get_user(self, user, **query):
        return self._do(lambda: self.client.user(user).get(**query))

    def me(self, **query):
        return self._do(lambda: self.client.user().get(**query))

    def update_user(self, user, **fields):
        return self._do(lambda: self.client.user(user).update_info(data=fields))

    def delete_user(self, user, **query):
        self._do(lambda: self.client.user(user).delete(**query))

    def users(self, **query):
        return self._list(lambda: self.client.users(**query))


class Node:
    """box-node-sdk in a process of its own."""

    def __init__(self, world):
        environment = {**os.environ, "ROSTER_URL": world.url, "ROSTER_KEY": world.key}
        self.process = subprocess.Popen(
            ["node", "adapter.mjs"], cwd=FOLDER, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self.waiting, self.lock, self.last = {}, threading.Lock(), 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            answer = json.loads(line)
            self.waiting.pop(answer["id"]).set_result(answer)

    def call(self, who, path, args):
        with self.lock:
            self.last += 1
            answer = self.waiting[self.last] = Future()
            self.process.stdin.write(json.dumps({"id": self.last, **who, "path": path, "args": args}) + "\n")
            self.process.stdin.flush()
        answer = answer.result(timeout=30)
        if "refused" in answer:
            raise refused(answer["refused"]["status"], answer["refused"]["body"])
        if "lacks" in answer:
            raise Lacks(answer["lacks"])
        return answer["value"]

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        self.reader.join()
        self.process.stdout.close()


def camel(fields):
    name = lambda key: re.sub("_([a-z])", lambda found: found[1].upper(), key)  # noqa: E731
    return {name(key): value for key, value in fields.items()}


class JavaScript:
    """box-node-sdk: bodies in one argument, queries in another."""

    def __init__(self, node, **who):
        self.node, self.who = node, who

    def with_token(self, token):
        return JavaScript(self.node, token=token)

    def granted(self, user):
        return JavaScript(self.node, granted=user)

    def as_user(self, user):
        return JavaScript(self.node, **{**self.who, "as": user})

    def _call(self, path, *args):
        return self.node.call(self.who, path, args)

    def _query(self, path, *args, **query):
        return self._call(path, *args, {"queryParams": camel(query)})

    def _body(self, path, *args, fields=None, **body):
        query = {"queryParams": {"fields": fields}} if fields else {}
        return self._call(path, *args, {"requestBody": camel(body), **query})

    def create_membership(self, user, group, **fields):
        body = {"user": {"id": user}, "group": {"id": group}, **camel(fields)}
        return self._call("memberships.createGroupMembership", body)

    def get_membership(self, membership, **query):
        return self._query("memberships.getGroupMembershipById", membership, **query)

    def update_membership(self, membership, **fields):
        return self._body("memberships.updateGroupMembershipById", membership, **fields)

    def delete_membership(self, membership):
        self._call("memberships.deleteGroupMembershipById", membership)

    def group_memberships(self, group, **query):
        return self._query("memberships.getGroupMemberships", group, **query)

    def user_memberships(self, user, **query):
        return self._query("memberships.getUserMemberships", user, **query)

    def create_group(self, name, fields=None, **body):
        return self._call("groups.createGroup", camel({"name": name, **body}), {"queryParams": {"fields": fields}})

    def get_group(self, group, **query):
        return self._query("groups.getGroupById", group, **query)

    def update_group(self, group, **fields):
        return self._body("groups.updateGroupById", group, **fields)

    def delete_group(self, group):
        self._call("groups.deleteGroupById", group)

    def groups(self, **query):
        return self._call("groups.getGroups", camel(query))

    def create_user(self, name, login, **fields):
        login = {} if login is None else {"login": login}
        return self._call("users.createUser", camel({"name": name, **login, **fields}))

    def get_user(self, user, **query):
        return self._query("users.getUserById", user, **query)

    def me(self, **query):
        return self._call("users.getUserMe", camel(query))

    def update_user(self, user, **fields):
        return self._body("users.updateUserById", user, **fields)

    def delete_user(self, user, **query):
        self._query("users.deleteUserById", user, **query)

    def users(self, **query):
        return self._call("users.getUsers", camel(query))

//! Every operation of every surface, from the surfaces' own OpenAPI documents, and a valid request for each.

use axum::body::Body;
use http::Request;
use roster_engine::{
    AccountUserFields, Caller, Credentials, EntityId, Form, LoggedIn, NewAccountUser, NewInvitation, NewMembership,
    NewOrganization, NewPermission, NewRole, NewToken, NewUser, Organization, RequestScope, RoleNumber, RoleSet,
    Session, Surface, TokenKind, User, UserId,
};
use serde_json::{Value, json};

use crate::world::World;

/// One route.
#[derive(Clone, Debug)]
pub struct Operation {
    pub surface: Surface,
    pub method: String,
    /// With `{…}` for parameters.
    pub path: String,
    pub id: String,
    /// Names of required query parameters.
    pub query: Vec<String>,
    pub body: bool,
    /// Whether it needs no key.
    pub public: bool,
}

impl Operation {
    /// Whether its body is a form, and its errors are OAuth's.
    pub fn takes_form(&self) -> bool {
        self.path.starts_with("/box/oauth2/")
    }

    /// Whether it is about the caller's own login, so that a key that doesn't belong to a user is refused.
    pub fn is_own(&self) -> bool {
        self.path.starts_with("/enhance/login") && !self.path.starts_with("/enhance/logins") && !self.public
    }
}

fn box_id(id: impl EntityId) -> String {
    Form::Box.show(id).expect("a form")
}

/// All operations. The list is complete: every route has a description.
pub fn all() -> Vec<Operation> {
    let mut operations = Vec::new();
    for api in roster_server::apis() {
        let surface = api.surface();
        let document: Value = serde_json::to_value(api.openapi()).expect("a description is JSON");
        for (path, methods) in document["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                let needed = |p: &&Value| p["in"] == "query" && p["required"] == true;
                operations.push(Operation {
                    surface,
                    method: method.to_uppercase(),
                    path: path.clone(),
                    id: operation["operationId"].as_str().expect("an operation id").to_owned(),
                    query: parameters
                        .iter()
                        .filter(needed)
                        .map(|p| p["name"].as_str().expect("a name").to_owned())
                        .collect(),
                    body: operation.get("requestBody").is_some(),
                    // Box's token routes find the key in the form.
                    public: operation["security"] == json!([{}]) && !path.starts_with("/box/oauth2/"),
                });
            }
        }
    }
    assert!(operations.len() > 70, "the surfaces describe only {} operations", operations.len());
    operations
}

/// A small world in which every operation can succeed.
#[derive(Debug)]
pub struct Fixture {
    pub account: Organization,
    pub child: Organization,
    /// A member of the account, with everything that a user can have.
    pub bob: User,
    /// A user without memberships.
    pub eve: User,
    pub membership: String,
    pub box_membership: String,
    pub token: String,
    pub whylabs_key: String,
    /// A session of Bob's.
    pub session: Session,
    pub session_secret: String,

    /// Of a login link for Bob, in the account.
    pub link_secret: String,
    /// A pending invitation.
    pub invitation: String,
    pub invitation_secret: String,
    /// The invited user.
    pub zoe: User,
    /// A custom role of the realm.
    pub role: String,
    pub permission: String,
    /// The permission that the role grants.
    pub granted: String,
}

impl Fixture {
    pub async fn new(world: &World) -> Self {
        let operator = world.operator().await;
        let user = async |name: &str| {
            let new =
                NewUser { email: Some(format!("{name}@example.com")), name: Some(name.into()), ..NewUser::default() };
            operator.create_user(new).await.expect("a user")
        };
        let (ada, bob, eve) = (user("ada").await, user("bob").await, user("eve").await);
        let organization = async |name: &str, parent| {
            let new = NewOrganization { name: name.into(), parent, ..NewOrganization::default() };
            operator.create_organization(new).await.expect("an organization")
        };
        let account = organization("acme", None).await;
        let child = organization("subsidiary", Some(account.id.into())).await;
        let member = async |user: UserId, role| {
            let new = NewMembership { roles: RoleSet::of(role), ..NewMembership::default() };
            operator.add_member(account.id, user, new).await.expect("a member")
        };
        member(ada.id, RoleNumber::MEMBER).await;
        let membership = member(bob.id, RoleNumber::MEMBER).await.membership.id;
        operator.set_password(bob.id, Some(PASSWORD), None).await.expect("a password");
        let link_secret = operator.issue_link(account.id, bob.id).await.expect("a link").secret.expect("its secret");
        let LoggedIn { session, secret: session_secret, .. } = log_in(world, "bob").await;
        let (membership, box_membership) = (membership.native(), Form::Box.show(membership).expect("a form"));
        operator.transfer_ownership(account.id, ada.id).await.expect("an owner");
        let permission = operator
            .create_permission(NewPermission { key: "own:thing".into(), ..Default::default() })
            .await
            .expect("a permission");
        let granted = NewPermission { key: "own:granted".into(), ..Default::default() };
        let granted = operator.create_permission(granted).await.expect("a permission");
        let new = NewRole { key: "own".into(), permissions: vec![granted.key], ..NewRole::default() };
        let role = operator.create_role(new).await.expect("a role");
        let (permission, granted, role) = (permission.id.native(), granted.id.native(), role.id.native());
        let zoe = user("zoe").await;
        let invite = NewInvitation {
            email: "zoe@example.com".into(),
            roles: RoleSet::of(RoleNumber::MEMBER),
            ..NewInvitation::default()
        };
        let sent = operator.invite(account.id, invite).await.expect("an invitation");
        let (invitation, invitation_secret) = (sent.invited.invitation.id.native(), sent.secret.expect("its secret"));
        let fields = AccountUserFields { external_id: None, user_schema: None, active: true };
        let provisioned = NewAccountUser { email: "bob@example.com".into(), fields };
        operator.create_account_user(account.id, provisioned).await.expect("an account user");
        let new = NewToken {
            organization: Some(account.id.into()),
            user: Some(bob.id.into()),
            roles: RoleSet::of(RoleNumber::ADMIN),
            ..NewToken::new(TokenKind::Organization)
        };
        let token = operator.issue_token(new).await.expect("a token").token;
        let whylabs_key = Form::Whylabs.show(token.id).expect("a form");
        let token = token.id.native();
        Self {
            account,
            child,
            bob,
            eve,
            membership,
            box_membership,
            token,
            whylabs_key,
            session,
            session_secret,
            link_secret,
            invitation,
            invitation_secret,
            zoe,
            role,
            permission,
            granted,
        }
    }

    /// The value of a parameter in a path or query.
    fn value(&self, operation: &Operation, name: &str) -> String {
        match (name, operation.id.as_str()) {
            ("id", _) if operation.path.contains("/Users/") => self.bob.id.native(),
            ("id", _) if operation.path.starts_with("/scim/roles/v2/Groups/") => {
                format!("whylabs-{}:viewer", Form::Whylabs.show(self.account.id).expect("a form"))
            }
            ("id", _) if operation.path.contains("/Groups/") && operation.id != "scim_delete_group" => {
                self.account.id.native()
            }
            ("name", "scim_resource_type" | "scim_roles_resource_type") => "User".into(),
            ("urn", "scim_schema" | "scim_roles_schema") => "urn:ietf:params:scim:schemas:core:2.0:User".into(),
            ("group_id", "delete_groups_id") => box_id(self.child.id),
            ("group_id", _) => box_id(self.account.id),
            ("group_membership_id", _) => self.box_membership.clone(),
            ("user_id", _) if operation.surface == Surface::Box => box_id(self.bob.id),
            ("organization_id" | "org_id", "deleteOrganization" | "DeleteOrganization" | "deleteOrg")
            | ("id" | "managed_org_id", _) => self.child.id.native(),
            ("organization_id" | "org_id" | "orgId", _) => self.account.id.native(),
            ("user_id", _) => self.bob.id.native(),
            ("membership_id" | "member_id", _) => self.membership.clone(),
            ("image", _) => format!("{}.svg", Form::Clerk.show(self.bob.id).expect("a form")),
            ("invitation_id", _) => self.invitation.clone(),
            ("organization_role_id", _) => self.role.clone(),
            ("permission_id", "RemovePermissionFromOrganizationRole") => self.granted.clone(),
            ("permission_id", _) => self.permission.clone(),
            ("role", _) if operation.surface == Surface::Native => "own".into(),
            ("role", _) => "MEMBER".into(),
            ("permission", _) => "own:thing".into(),
            ("invite_id", _) => self.invitation_secret.clone(),
            ("otp", _) => self.link_secret.clone(),
            ("session_id", _) => self.session.id.native(),
            ("token_id", _) => self.token.clone(),
            ("key_id", _) => self.whylabs_key.clone(),
            ("email", "CreateOrganizationMembership") => "eve%40example.com".into(),
            ("email", _) => "bob%40example.com".into(),
            ("name", _) => "New".into(),
            _ => panic!("{}: what is {name}?", operation.id),
        }
    }

    /// Path and query of a valid request.
    pub fn uri(&self, operation: &Operation) -> String {
        let mut uri = operation.path.clone();
        while let (Some(from), Some(to)) = (uri.find('{'), uri.find('}')) {
            let value = self.value(operation, &uri[from + 1..to]);
            uri.replace_range(from..=to, &value);
        }
        for (n, name) in operation.query.iter().enumerate() {
            uri.push(if n == 0 { '?' } else { '&' });
            uri.push_str(name);
            uri.push('=');
            uri.push_str(&self.value(operation, name));
        }
        uri
    }

    /// The body of a valid request; `Null` if it takes none.
    pub fn body(&self, operation: &Operation) -> Value {
        if !operation.body {
            return Value::Null;
        }
        let (org, child) = (self.account.id.native(), self.child.id.native());
        let (bob, eve) = (self.bob.id.native(), self.eve.id.native());
        match operation.surface {
            Surface::Clerk => return self.clerk_body(operation),
            Surface::Enhance => return self.enhance_body(operation),
            _ => {}
        }
        if operation.surface == Surface::Authzen {
            return json!({
                "subject": {"type": "user", "id": bob},
                "action": {"name": "memberships:read"},
                "resource": {"type": "organization", "id": org},
            });
        }
        if operation.surface == Surface::Scim {
            return self.scim_body(operation);
        }
        match operation.id.as_str() {
            "createInvitation" => json!({"email": "new@example.com"}),
            "check" => json!({"user_id": bob, "organization_id": org, "permission": "memberships:read"}),
            "checkBatch" => {
                json!({"checks": [{"user_id": bob, "organization_id": org, "role": "member"}]})
            }
            "batchInvitations" => {
                json!({"invitations": [{"email": "new@example.com"}, {"email": "newer@example.com"}]})
            }
            "acceptInvitation" => json!({"secret": self.invitation_secret, "user_id": self.zoe.id.native()}),
            "createUser" | "createAccountUser" | "CreateAccountUser" | "CreateUser" => {
                json!({"email": "new@example.com"})
            }
            "createOrganization" => json!({"name": "New", "parent_id": org}),
            "updateUser" | "updateOrganization" | "updateRole" | "updatePermission" | "updateToken"
            | "put_groups_id" | "put_users_id" => {
                json!({"name": "Changed"})
            }
            "addMembership" => json!({"user_id": eve, "roles": ["viewer"]}),
            "batchMemberships" => {
                json!({"operations": [{"op": "add", "user_id": eve}, {"op": "remove", "user_id": bob}]})
            }
            "updateMembership" => json!({"roles": ["viewer"]}),
            "setOwner" => json!({"user_id": bob}),
            "createSession" => json!({"email": "bob@example.com", "password": PASSWORD}),
            "useLoginLink" => json!({"secret": self.link_secret}),
            "setPassword" => json!({"password": "another one"}),
            "createRole" => json!({"key": "another", "permissions": ["memberships:read"]}),
            "createPermission" => json!({"key": "another:thing"}),
            "issueToken" => json!({"kind": "organization", "organization_id": org, "roles": ["viewer"]}),
            "replaceAccountUser" => json!({"active": true}),
            "UpdateAccountUser" => json!({}),
            "PutOrganizationMemberships" => json!({"userIds": [bob]}),
            "PatchOrganizationMemberships" => json!({"userIdsToAdd": [bob], "userIdsToDelete": []}),
            "CreateManagedOrganization" | "post_groups" => json!({"name": "New"}),
            "UpdateUser" => json!({"userId": bob, "email": "bob@example.com", "preferences": null}),
            "CreateMembership" => json!({"orgId": child, "email": "bob@example.com", "role": "MEMBER"}),
            "UpdateMembershipByEmail" => json!({"orgId": org, "email": "bob@example.com", "role": "VIEWER"}),
            "RemoveMembershipByEmail" => json!({"orgId": org, "email": "bob@example.com"}),
            "SetDefaultMembership" => json!({"orgId": org, "userId": bob}),
            "post_group_memberships" => {
                json!({"user": {"id": box_id(self.eve.id)}, "group": {"id": box_id(self.account.id)}})
            }
            "put_group_memberships_id" => json!({"role": "admin", "configurable_permissions": null}),
            "post_users" => json!({"name": "New", "login": "new@example.com"}),
            "post_oauth2_token" => json!({
                "grant_type": "client_credentials",
                "client_id": "test",
                "box_subject_type": "user",
                "box_subject_id": box_id(self.bob.id),
            }),
            "post_oauth2_revoke" => json!({"client_id": "test", "token": "unknown"}),
            other => panic!("what is the body of {other}?"),
        }
    }

    fn enhance_body(&self, operation: &Operation) -> Value {
        match operation.id.as_str() {
            "createMember" => json!({"loginId": self.eve.id.native(), "roles": ["SiteAccess"]}),
            "updateMember" => {
                json!({"roles": ["Support", "SiteAccess"], "siteAccesses": ["a"], "notifications": ["b"]})
            }
            "updateOwner" => json!({"memberId": self.membership}),
            "createAccessToken" => json!({"roles": ["Support"], "friendlyName": "ours"}),
            "updateAccessToken" => json!({"friendlyName": "theirs"}),
            "createLogin" => json!({"email": "new@example.com", "password": "secret", "name": "New"}),
            "updateLoginInfo" => json!({"name": "Changed"}),
            "createSession" => json!({"email": "bob@example.com", "password": PASSWORD}),
            "updateOrg" => json!({"name": "Changed", "slackNotificationWebhookUrl": {"unset": true}}),
            "createCustomer" => json!({"name": "New"}),
            "createInvite" => json!({"email": "new@example.com", "name": "New", "roles": ["Support"]}),
            "acceptInvite" => json!({"email": "zoe@example.com", "password": "secret"}),
            other => panic!("what is the body of Enhance's {other}?"),
        }
    }

    fn clerk_body(&self, operation: &Operation) -> Value {
        match operation.id.as_str() {
            "CreateOrganizationMembership" => json!({"user_id": self.eve.id.native(), "role": "org:viewer"}),
            "UpdateOrganizationMembership" => json!({"role": "org:viewer"}),
            "CreateOrganization" | "UpdateOrganization" => json!({"name": "New"}),
            "CreateUser" => json!({"email_address": ["new@example.com"]}),
            "UpdateUser" => json!({"first_name": "Changed"}),
            "CreateOrganizationInvitation" => json!({"email_address": "new@example.com", "role": "org:member"}),
            "CreateOrganizationInvitationBulk" => json!([{"email_address": "new@example.com", "role": "org:member"}]),
            "RevokeOrganizationInvitation" => json!({}),
            "CreateOrganizationRole" => json!({"name": "New", "key": "org:another", "permissions": [self.permission]}),
            "UpdateOrganizationRole" | "UpdateOrganizationPermission" => json!({"name": "Changed"}),
            "CreateOrganizationPermission" => json!({"name": "New", "key": "org:another:thing"}),
            other if other.contains("Metadata") => json!({"public_metadata": {"a": 1}}),
            other => panic!("what is the body of Clerk's {other}?"),
        }
    }

    fn scim_body(&self, operation: &Operation) -> Value {
        let (bob, eve) = (self.bob.id.native(), self.eve.id.native());
        let patch = |operation: Value| json!({"Operations": [operation]});
        match operation.id.replacen("scim_roles_", "scim_", 1).as_str() {
            id if id.contains("search") => json!({"count": 1}),
            "scim_replace_group" if operation.path.starts_with("/scim/roles/") => json!({"members": [{"value": bob}]}),
            "scim_create_user" => json!({"userName": "new@example.com"}),
            "scim_replace_user" => json!({"userName": "bob@example.com", "emails": [{"value": "bob@example.com"}]}),
            "scim_change_user" => patch(json!({"op": "replace", "path": "nickName", "value": "Bobby"})),
            "scim_create_group" => json!({"displayName": "New", "members": [{"value": bob}]}),
            "scim_replace_group" => json!({"displayName": "Changed", "members": [{"value": bob}]}),
            "scim_change_group" => patch(json!({"op": "add", "path": "members", "value": [{"value": eve}]})),
            "scim_bulk" => json!({"Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a", "data": {"userName": "new@example.com"}},
            ]}),
            other => panic!("what is SCIM's body of {other}?"),
        }
    }

    /// A valid request, with a key if one is given.
    pub fn request(&self, operation: &Operation, key: Option<&str>) -> Request<Body> {
        let body = self.body(operation);
        // The realm key has no user.
        let key = if operation.is_own() && key == Some(crate::world::KEY) { Some(&*self.session_secret) } else { key };
        let bytes = if operation.takes_form() {
            // The key is a field of the form.
            let key = key.map(|key| ("client_secret", key));
            let fields = body.as_object().expect("fields").iter();
            let fields = fields.map(|(name, value)| (name.as_str(), value.as_str().expect("text"))).chain(key);
            fields.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&").into_bytes()
        } else if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        self.request_with(operation, &self.uri(operation), key, bytes)
    }

    pub fn request_with(&self, operation: &Operation, uri: &str, key: Option<&str>, body: Vec<u8>) -> Request<Body> {
        let mut request = Request::builder().method(operation.method.as_str()).uri(uri);
        if let Some(key) = key {
            request = match operation.surface {
                Surface::Whylabs => request.header("x-api-key", key),
                _ => request.header("authorization", format!("Bearer {key}")),
            };
        }
        if operation.surface == Surface::Clerk {
            // Older versions lack some operations.
            request = request.header("clerk-api-version", "2025-11-10");
        }
        if operation.path.contains("/whylabs/v1/") {
            // For a key that isn't one organization's own.
            request = request.header("x-whylabs-organization", self.account.id.native());
        }
        if operation.takes_form() {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        } else if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        request.body(Body::from(body)).expect("a request")
    }
}

/// The password of everyone who has one.
pub const PASSWORD: &str = "correct horse battery staple";

/// Logs in with [`PASSWORD`].
pub async fn log_in(world: &World, name: &str) -> LoggedIn {
    let credentials = Credentials {
        organization: None,
        email: format!("{name}@example.com"),
        password: PASSWORD.into(),
        agent: None,
    };
    let scope = RequestScope::default();
    world.engine.log_in(Surface::Native, credentials, scope).await.expect("a session")
}

/// A token's secret.
pub async fn secret(caller: &Caller, new: NewToken) -> String {
    caller.issue_token(new).await.expect("a token").secret.expect("its secret")
}

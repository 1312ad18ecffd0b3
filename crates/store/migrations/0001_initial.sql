-- {clustered} and {text} stand for the words in which the databases differ; see src/sql/migrate.rs.
-- Every key begins with the realm. Times are milliseconds since 1970, JSON is text.

CREATE TABLE realm (
    id BIGINT NOT NULL PRIMARY KEY,
    name {text} NOT NULL UNIQUE,
    root BIGINT NOT NULL,
    head BIGINT NOT NULL,          -- the number of the last event
    roles_version BIGINT NOT NULL, -- grows when a role or permission changes
    created_ms BIGINT NOT NULL
) {clustered};

CREATE TABLE organization (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    parent BIGINT,                 -- null: the root
    depth BIGINT NOT NULL,
    name {text} NOT NULL,
    name_folded {text} NOT NULL,
    slug {text},                   -- null once the organization is gone
    external_id {text},
    status {text} NOT NULL,
    max_members BIGINT NOT NULL,
    email_domains {text} NOT NULL,
    visibility {text} NOT NULL,
    locale {text},
    created_by BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    aliased BOOLEAN NOT NULL,
    public {text} NOT NULL,
    private {text} NOT NULL,
    extras {text} NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX organization_slug ON organization (realm, slug);
CREATE UNIQUE INDEX organization_external_id ON organization (realm, external_id);
CREATE INDEX organization_parent ON organization (realm, parent, id);

CREATE TABLE usr (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name {text} NOT NULL,
    name_folded {text} NOT NULL,
    first_name {text},
    last_name {text},
    username {text},
    username_folded {text},
    external_id {text},
    status {text} NOT NULL,
    locale {text},
    email {text} NOT NULL,         -- the primary one, or empty; for sorting
    search {text} NOT NULL,        -- names and addresses, folded; for finding
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    aliased BOOLEAN NOT NULL,
    public {text} NOT NULL,
    private {text} NOT NULL,
    extras {text} NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX usr_username ON usr (realm, username_folded);
CREATE UNIQUE INDEX usr_external_id ON usr (realm, external_id);
CREATE INDEX usr_created ON usr (realm, created_ms, id);

CREATE TABLE address (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    kind {text} NOT NULL,
    value {text} NOT NULL,
    is_primary BOOLEAN NOT NULL,
    verified BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX address_value ON address (realm, kind, value);
CREATE INDEX address_usr ON address (realm, usr);

CREATE TABLE membership (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    roles BIGINT NOT NULL,         -- a set: bit 0 is the owner
    is_default BOOLEAN NOT NULL,
    created_by BIGINT,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX membership_organization ON membership (realm, organization, usr);
CREATE INDEX membership_order ON membership (realm, organization, id);
CREATE INDEX membership_usr ON membership (realm, usr, organization);
-- Two owners, or two defaults, cannot even be stored.
CREATE UNIQUE INDEX membership_owner ON membership (realm, organization) WHERE roles & 1 <> 0;
CREATE UNIQUE INDEX membership_default ON membership (realm, usr) WHERE is_default;

-- A row only where one of these isn't empty.
CREATE TABLE membership_detail (
    realm BIGINT NOT NULL,
    membership BIGINT NOT NULL,
    public {text} NOT NULL,
    private {text} NOT NULL,
    extras {text} NOT NULL,
    PRIMARY KEY (realm, membership)
) {clustered};

CREATE TABLE account_user (
    realm BIGINT NOT NULL,
    organization BIGINT NOT NULL,
    usr BIGINT NOT NULL,
    external_id {text},
    user_schema {text},
    active BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, organization, usr)
) {clustered};
CREATE INDEX account_user_usr ON account_user (realm, usr);

CREATE TABLE role (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    key {text} NOT NULL,
    name {text} NOT NULL,
    description {text} NOT NULL,
    base {text} NOT NULL,
    reaches_down BOOLEAN NOT NULL,
    system BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX role_number ON role (realm, number);
CREATE UNIQUE INDEX role_key ON role (realm, key);

CREATE TABLE permission (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    key {text} NOT NULL,
    name {text} NOT NULL,
    description {text} NOT NULL,
    system BOOLEAN NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE UNIQUE INDEX permission_key ON permission (realm, key);

CREATE TABLE role_permission (
    realm BIGINT NOT NULL,
    role BIGINT NOT NULL,
    permission {text} NOT NULL,    -- the key
    PRIMARY KEY (realm, role, permission)
) {clustered};

CREATE TABLE token (
    realm BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind {text} NOT NULL,
    organization BIGINT,
    usr BIGINT,
    roles BIGINT NOT NULL,
    scopes {text},                 -- JSON list; null: all that the roles grant
    hash {text} NOT NULL UNIQUE,   -- SHA-256 of the secret; unique on the server, for a key names its realm
    hint {text} NOT NULL,
    name {text},
    expires_ms BIGINT,
    revoked_ms BIGINT,
    created_by BIGINT,
    created_ms BIGINT NOT NULL,
    used_ms BIGINT,                -- written late and in bulk
    extras {text} NOT NULL,
    PRIMARY KEY (realm, id)
) {clustered};
CREATE INDEX token_organization ON token (realm, organization, id);
CREATE INDEX token_usr ON token (realm, usr, id);

-- Ids that an entity brought along from another vendor.
CREATE TABLE alias (
    realm BIGINT NOT NULL,
    dialect {text} NOT NULL,
    value {text} NOT NULL,
    id BIGINT NOT NULL,
    PRIMARY KEY (realm, dialect, value)
) {clustered};
CREATE INDEX alias_id ON alias (realm, id);

CREATE TABLE event (
    realm BIGINT NOT NULL,
    seq BIGINT NOT NULL,           -- 1, 2, 3 ... without a gap
    id BIGINT NOT NULL,
    time_ms BIGINT NOT NULL,
    actor_kind {text} NOT NULL,
    actor_id BIGINT,
    kind {text} NOT NULL,
    organization BIGINT,
    usr BIGINT,
    body {text},                   -- null: blanked, since its user was erased
    PRIMARY KEY (realm, seq)
) {clustered};
CREATE INDEX event_organization ON event (realm, organization, seq);
CREATE INDEX event_usr ON event (realm, usr, seq);

CREATE TABLE idempotency (
    realm BIGINT NOT NULL,
    actor BIGINT NOT NULL,         -- the raw id of the token or user; 0: the operator
    key {text} NOT NULL,
    request {text} NOT NULL,       -- a hash of it
    answer {text} NOT NULL,
    expires_ms BIGINT NOT NULL,
    PRIMARY KEY (realm, actor, key)
) {clustered};
CREATE INDEX idempotency_expires ON idempotency (realm, expires_ms);

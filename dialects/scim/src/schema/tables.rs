use super::{Attribute, Kind, Mutability, Returned, Uniqueness};

const fn text(name: &'static str, description: &'static str) -> Attribute {
    Attribute {
        name,
        kind: Kind::Text,
        multi: false,
        required: false,
        case_exact: false,
        mutability: Mutability::ReadWrite,
        returned: Returned::Default,
        uniqueness: Uniqueness::None,
        canonical: &[],
        description,
    }
}

const fn of(name: &'static str, kind: Kind, description: &'static str) -> Attribute {
    Attribute { kind, ..text(name, description) }
}

const fn complex(name: &'static str, subs: &'static [Attribute], description: &'static str) -> Attribute {
    of(name, Kind::Complex(subs), description)
}

const fn list(name: &'static str, subs: &'static [Attribute], description: &'static str) -> Attribute {
    Attribute { multi: true, ..complex(name, subs, description) }
}

const fn exact(attribute: Attribute) -> Attribute {
    Attribute { case_exact: true, ..attribute }
}

const fn read_only(attribute: Attribute) -> Attribute {
    Attribute { mutability: Mutability::ReadOnly, ..attribute }
}

const fn immutable(attribute: Attribute) -> Attribute {
    Attribute { mutability: Mutability::Immutable, ..attribute }
}

const fn on_request(attribute: Attribute) -> Attribute {
    Attribute { returned: Returned::Request, ..attribute }
}

const fn required(attribute: Attribute) -> Attribute {
    Attribute { required: true, ..attribute }
}

const fn unique(attribute: Attribute) -> Attribute {
    Attribute { uniqueness: Uniqueness::Server, ..attribute }
}

const fn one_of(attribute: Attribute, canonical: &'static [&'static str]) -> Attribute {
    Attribute { canonical, ..attribute }
}

const PRIMARY: Attribute = of("primary", Kind::Boolean, "Whether it is the preferred one; one of them at most is.");
const DISPLAY: Attribute = text("display", "A name for people to read.");

pub(crate) const META: &[Attribute] = &[
    read_only(exact(text("resourceType", "The kind of resource."))),
    read_only(of("created", Kind::DateTime, "When it was made.")),
    read_only(of("lastModified", Kind::DateTime, "When it was last different.")),
    read_only(exact(of("location", Kind::Reference(&["uri"]), "Where it is."))),
    read_only(exact(text("version", "Its entity tag."))),
];

/// What every resource has beside its schema.
pub(crate) const COMMON: &[Attribute] = &[
    Attribute {
        returned: Returned::Always,
        uniqueness: Uniqueness::Server,
        ..read_only(exact(text("id", "Roster's id of it. Never used again.")))
    },
    exact(text("externalId", "The directory's own id of it.")),
    read_only(complex("meta", META, "About the resource.")),
    Attribute {
        multi: true,
        returned: Returned::Always,
        ..read_only(of("schemas", Kind::Reference(&["uri"]), "The schemas it has something of."))
    },
];

macro_rules! values {
    ($value:expr, [$($type:literal),*]) => {
        &[$value, DISPLAY, one_of(text("type", "What it is for."), &[$($type),*]), PRIMARY]
    };
}

pub(crate) const USER: &[Attribute] = &[
    required(unique(text("userName", "What the directory calls the user. Unique in any letter case."))),
    complex(
        "name",
        &[
            text("formatted", "The whole name."),
            text("familyName", "The last name."),
            text("givenName", "The first name."),
            text("middleName", "Further names."),
            text("honorificPrefix", "What stands before the name."),
            text("honorificSuffix", "What stands behind the name."),
        ],
        "The parts of the user's name.",
    ),
    text("displayName", "The name to show."),
    text("nickName", "The casual name."),
    of("profileUrl", Kind::Reference(&["external"]), "A page about the user."),
    text("title", "The user's title, such as Vice President."),
    text("userType", "How the user stands to the organization."),
    text("preferredLanguage", "A language, as in Accept-Language."),
    text("locale", "How dates and numbers are written."),
    text("timezone", "The user's time zone."),
    of("active", Kind::Boolean, "Whether the user may do anything. Memberships stay."),
    list("emails", values!(text("value", "The address."), ["work", "home", "other"]), "E-mail addresses."),
    list(
        "phoneNumbers",
        values!(text("value", "The number."), ["work", "home", "mobile", "fax", "pager", "other"]),
        "Phone numbers.",
    ),
    list(
        "ims",
        values!(text("value", "The address."), ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"]),
        "Addresses for instant messages.",
    ),
    list(
        "photos",
        values!(exact(of("value", Kind::Reference(&["external"]), "Where it is.")), ["photo", "thumbnail"]),
        "Pictures.",
    ),
    list(
        "addresses",
        &[
            text("formatted", "The whole address."),
            text("streetAddress", "Street and number."),
            text("locality", "City."),
            text("region", "State or region."),
            text("postalCode", "Postal code."),
            text("country", "Country."),
            one_of(text("type", "What it is for."), &["work", "home", "other"]),
            PRIMARY,
        ],
        "Postal addresses.",
    ),
    read_only(list(
        "groups",
        &[
            read_only(exact(text("value", "The group's id."))),
            read_only(exact(of("$ref", Kind::Reference(&["Group"]), "Where the group is."))),
            read_only(text("display", "The group's name.")),
            read_only(one_of(text("type", "How the user belongs to it."), &["direct"])),
        ],
        "The groups that the user is a member of.",
    )),
    list("entitlements", values!(text("value", "The entitlement."), []), "What the user is entitled to."),
    list(
        "roles",
        values!(text("value", "The role."), []),
        "The directory's own roles; Roster's are those of memberships.",
    ),
    list("x509Certificates", values!(exact(of("value", Kind::Binary, "The certificate.")), []), "Certificates."),
];

pub(crate) const ENTERPRISE_USER: &[Attribute] = &[
    text("employeeNumber", "The organization's number for the user."),
    text("costCenter", "A cost center."),
    text("organization", "An organization's name."),
    text("division", "A division's name."),
    text("department", "A department's name."),
    complex(
        "manager",
        &[
            exact(text("value", "The manager's id.")),
            exact(of("$ref", Kind::Reference(&["User"]), "Where the manager is.")),
            on_request(read_only(text("displayName", "The manager's name."))),
        ],
        "The user's manager.",
    ),
];

const MEMBERS: Attribute = list(
    "members",
    &[
        immutable(exact(text("value", "The user's id."))),
        immutable(exact(of("$ref", Kind::Reference(&["User"]), "Where the user is."))),
        immutable(one_of(text("type", "What the member is."), &["User"])),
        on_request(read_only(text("display", "The user's name."))),
    ],
    "The users who belong to the group.",
);

pub(crate) const GROUP: &[Attribute] =
    &[required(unique(text("displayName", "The group's name. Unique in any letter case."))), MEMBERS];

pub(crate) const ROLE_GROUP: &[Attribute] =
    &[required(unique(immutable(text("displayName", "The same as the id.")))), MEMBERS];

pub(crate) const ROSTER_GROUP: &[Attribute] = &[
    text("role", "What members are given who are added through SCIM; `member` if it isn't said."),
    exact(of("parent", Kind::Reference(&["Group"]), "The group above, if it isn't the key's own organization.")),
    on_request(read_only(list(
        "memberRoles",
        &[
            read_only(exact(text("value", "The user's id."))),
            read_only(exact(of("$ref", Kind::Reference(&["User"]), "Where the user is."))),
            read_only(text("role", "A role that the member has.")),
        ],
        "One row for each member and role.",
    ))),
];

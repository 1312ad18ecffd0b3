//! The schemas: which attributes there are, and what holds of each. Everything that reads a name (bodies, paths, filters,
//! selections) finds it here, in any letter case; discovery shows the same tables.

mod tables;

pub(crate) use tables::{COMMON, ENTERPRISE_USER, GROUP, ROLE_GROUP, ROSTER_GROUP, USER};

pub(crate) const CORE_USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub(crate) const CORE_GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
pub(crate) const ROSTER: &str = "urn:roster:scim:schemas:extension:1.0:Group";

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Boolean,
    DateTime,
    Reference(&'static [&'static str]),
    Binary,
    Complex(&'static [Attribute]),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    ReadWrite,
    ReadOnly,
    Immutable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    Always,
    Default,
    /// Only when it is named.
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    None,
    Server,
}

/// One attribute, or sub-attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: &'static str,
    pub kind: Kind,
    pub multi: bool,
    pub required: bool,
    pub case_exact: bool,
    pub mutability: Mutability,
    pub returned: Returned,
    pub uniqueness: Uniqueness,
    pub canonical: &'static [&'static str],
    pub description: &'static str,
}

impl Attribute {
    pub const fn subs(&self) -> &'static [Self] {
        match self.kind {
            Kind::Complex(subs) => subs,
            _ => &[],
        }
    }

    pub fn sub(&self, name: &str) -> Option<&'static Self> {
        find(self.subs(), name)
    }

    pub fn is_complex(&self) -> bool {
        matches!(self.kind, Kind::Complex(_))
    }

    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }
}

pub fn find(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// `User` or `Group`.
    pub name: &'static str,
    pub core: &'static str,
    pub attributes: &'static [Attribute],
    pub extension: Option<Extension>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension {
    pub urn: &'static str,
    pub attributes: &'static [Attribute],
    /// Names of it that are also understood without the URN.
    pub short: &'static [&'static str],
}

pub static USERS: Resource = Resource {
    name: "User",
    core: CORE_USER,
    attributes: USER,
    extension: Some(Extension { urn: ENTERPRISE, attributes: ENTERPRISE_USER, short: &["manager"] }),
};

pub static GROUPS: Resource = Resource {
    name: "Group",
    core: CORE_GROUP,
    attributes: GROUP,
    extension: Some(Extension { urn: ROSTER, attributes: ROSTER_GROUP, short: &[] }),
};

/// A group of `/scim/roles/v2`.
pub static ROLE_GROUPS: Resource =
    Resource { name: "Group", core: CORE_GROUP, attributes: ROLE_GROUP, extension: None };

/// Where an attribute lies in a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The extension's URN, if it is one's.
    pub extension: Option<&'static str>,
    pub attribute: &'static Attribute,
}

/// What a URN at the beginning of a name means.
enum Space {
    Any,
    Core,
    Extension(&'static Extension),
}

impl Resource {
    /// Takes a known URN off the front of a path.
    fn space<'p>(&'static self, path: &'p str) -> (Space, &'p str) {
        let strip = |urn: &str| {
            let head = path.get(..urn.len())?;
            head.eq_ignore_ascii_case(urn).then(|| &path[urn.len()..])
        };
        if let Some(rest) = strip(self.core).and_then(|rest| rest.strip_prefix(':')) {
            return (Space::Core, rest);
        }
        if let Some(extension) = &self.extension
            && let Some(rest) = strip(extension.urn).and_then(|rest| rest.strip_prefix(':'))
        {
            return (Space::Extension(extension), rest);
        }
        (Space::Any, path)
    }

    /// How long the URN and its colon at the beginning of this text are, if a known one is there.
    pub fn urn_length(&'static self, text: &str) -> usize {
        text.len() - self.space(text).1.len()
    }

    /// Whether the text is an extension's URN and nothing else.
    pub fn is_extension(&self, text: &str) -> Option<&'static str> {
        let extension = self.extension?;
        text.eq_ignore_ascii_case(extension.urn).then_some(extension.urn)
    }

    /// An attribute by its name without sub-attribute, with or without its URN.
    pub fn place(&'static self, name: &str) -> Option<Place> {
        let (space, name) = self.space(name);
        let core = || {
            let attribute = find(self.attributes, name).or_else(|| find(COMMON, name))?;
            Some(Place { extension: None, attribute })
        };
        let of = |extension: &'static Extension| {
            let attribute = find(extension.attributes, name)?;
            Some(Place { extension: Some(extension.urn), attribute })
        };
        match space {
            Space::Core => core(),
            Space::Extension(extension) => of(extension),
            Space::Any => core().or_else(|| {
                let extension = self.extension.as_ref()?;
                extension.short.iter().any(|short| short.eq_ignore_ascii_case(name)).then(|| of(extension))?
            }),
        }
    }

    /// The extension's attributes, by its URN.
    pub fn extension(&self, urn: &str) -> Option<&'static [Attribute]> {
        self.extension.filter(|extension| extension.urn == urn).map(|extension| extension.attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_with_and_without_urn() {
        for name in ["userName", "USERNAME", "urn:ietf:params:scim:schemas:core:2.0:User:userName"] {
            assert_eq!(USERS.place(name).expect(name).attribute.name, "userName");
        }
        for name in ["manager", &format!("{ENTERPRISE}:manager"), &format!("{}:MANAGER", ENTERPRISE.to_uppercase())] {
            assert_eq!(USERS.place(name).expect(name).extension, Some(ENTERPRISE), "{name}");
        }
        for unknown in ["department", "urn:other:userName", "user name", "", "meta:created", "urn:roster:x:userName"] {
            assert_eq!(USERS.place(unknown), None, "{unknown}");
        }
        assert!(GROUPS.place("manager").is_none() && GROUPS.place("members").is_some());
    }
}

//! The filter language and the paths of PATCH: parsed once, against a schema, into a form in which all names are resolved.
//!
//! ```text
//! filter = term *( ("and" / "or") term )        and binds tighter than or
//! term   = [ "not" ] "(" filter ")" / path "pr" / path op literal / name "[" filter "]" [ "." sub [ op literal ] ]
//! path   = [ urn ":" ] name [ "." sub ]
//! ```
//!
//! For any input, parsing ends with a filter or a [`Problem`]: it looks at each byte a bounded number of times and never recurses
//! deeper than [`DEPTH_MAX`].

mod eval;
mod lexer;
mod parse;
mod path;
#[cfg(test)]
mod tests;

pub use eval::{folded, sort_key};
pub use parse::parse;
pub use path::{Path, Target, parse_path};

use crate::schema::{Attribute, Place};

/// Deepest nesting of parentheses, brackets and `not`.
pub const DEPTH_MAX: usize = 50;
/// Most comparisons.
pub const TERMS_MAX: usize = 1000;
/// Longest text, in bytes.
pub const LENGTH_MAX: usize = 64 << 10;

/// Why a filter or path can't be parsed, as a message for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem(pub String);

impl Problem {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// A condition on a resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Term(Term),
    /// One value of the list fits all of it.
    Within(Place, Box<ValueFilter>),
    /// A condition on an attribute that only another kind of resource has; here it is absent.
    Absent(bool),
}

/// A condition on one value of a list, or on a complex value.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueFilter {
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Term(&'static Attribute, Test),
}

/// A comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Term {
    pub place: Place,
    pub sub: Option<&'static Attribute>,
    pub test: Test,
}

/// One condition of a filter.
#[derive(Clone, Copy, Debug)]
pub enum Condition<'f> {
    Term(&'f Term),
    Within(&'f Place, &'f ValueFilter),
}

impl Condition<'_> {
    pub const fn place(&self) -> &Place {
        match self {
            Self::Term(term) => &term.place,
            Self::Within(place, _) => place,
        }
    }
}

/// What is asked of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    Present,
    /// `eq null`.
    NotPresent,
    Compare(Operator, Literal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Eq,
    Ne,
    Co,
    Sw,
    Ew,
    Gt,
    Ge,
    Lt,
    Le,
}

/// What is compared with, in the form that it is compared in.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Text {
        text: String,
        /// Where the attribute is compared without case.
        folded: Option<String>,
    },
    Boolean(bool),
    /// Milliseconds since 1970.
    Time(i64),
}

impl Filter {
    /// Every condition on an attribute, wherever it stands.
    pub fn each(&self, seen: &mut dyn FnMut(Condition<'_>)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|filter| filter.each(seen)),
            Self::Not(filter) => filter.each(seen),
            Self::Term(term) => seen(Condition::Term(term)),
            Self::Within(place, filter) => seen(Condition::Within(place, filter)),
            Self::Absent(_) => {}
        }
    }

    /// Every id of a user or group that something is compared with, and the attribute that holds it.
    pub fn each_id(&mut self, seen: &mut dyn FnMut(&'static Attribute, &mut String)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter_mut().for_each(|filter| filter.each_id(seen)),
            Self::Not(filter) => filter.each_id(seen),
            Self::Term(Term { place, sub, test }) => {
                let of = place.attribute;
                if let Some(id) = test.id(of, sub.unwrap_or(of)) {
                    seen(of, id);
                }
            }
            Self::Within(place, filter) => filter.each_id(place.attribute, seen),
            Self::Absent(_) => {}
        }
    }

    /// The conditions of which all must hold.
    pub fn conjuncts(&self) -> &[Self] {
        match self {
            Self::And(all) => all,
            other => std::slice::from_ref(other),
        }
    }
}

impl ValueFilter {
    /// See [`Filter::each_id`].
    fn each_id(&mut self, of: &'static Attribute, seen: &mut dyn FnMut(&'static Attribute, &mut String)) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter_mut().for_each(|filter| filter.each_id(of, seen)),
            Self::Not(filter) => filter.each_id(of, seen),
            Self::Term(sub, test) => {
                if let Some(id) = test.id(of, sub) {
                    seen(of, id);
                }
            }
        }
    }
}

impl Test {
    /// The id that it compares with, if `attribute`, which is a part of `of` or itself, is one.
    fn id(&mut self, of: &Attribute, attribute: &Attribute) -> Option<&mut String> {
        if !parse::is_id(of, attribute) {
            return None;
        }
        match self {
            Self::Compare(Operator::Eq | Operator::Ne, Literal::Text { text, .. }) => Some(text),
            _ => None,
        }
    }
}

//! Authorization of calls, and the organization that a call is about.
//!
//! Customers' keys belong to one organization. On `/v0` paths that organization must be the one in the path; on `/v1` paths it
//! is the key's own, or with a header one right below it. Either way such a caller learns nothing of other organizations, not
//! even whether there are any: all refusals are the same. Realm keys may go anywhere, and are told what isn't there.

use axum::extract::FromRequestParts;
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use roster_engine::{BuiltIn as P, Caller, Error, Organization, Right};
use roster_http::{Failure, PresentedSecret, RequestError};

use crate::map::scopes::{self, Scope};

const KEY: &str = "X-API-Key";
const ORGANIZATION: HeaderName = HeaderName::from_static("x-whylabs-organization");

/// The key, from its header or else from a cookie of that name. Users' keys have a suffix `:ORGANIZATION`.
pub(crate) fn secret(headers: &HeaderMap) -> PresentedSecret {
    let header = match headers.get(KEY).map(|value| value.to_str()) {
        Some(Err(_)) => return PresentedSecret::Malformed,
        Some(Ok(value)) => Some(value),
        None => None,
    };
    let key = header.map(str::trim).filter(|key| !key.is_empty()).or_else(|| cookie(headers));
    match key.map(|key| key.split(':').next().unwrap_or_default()) {
        None => PresentedSecret::Missing,
        Some("") => PresentedSecret::Malformed,
        Some(key) => PresentedSecret::Secret(key.to_owned()),
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(name, _)| name.eq_ignore_ascii_case(KEY))?;
    Some(value.trim_matches('"')).filter(|key| !key.is_empty())
}

/// The organization that a `/v1` call selects.
#[derive(Debug)]
pub(crate) struct Selected(Option<String>);

impl<S: Sync> FromRequestParts<S> for Selected {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let header = parts.headers.get(ORGANIZATION);
        // A value that isn't text can't be an id.
        let id = header.map(|value| String::from_utf8_lossy(value.as_bytes()).trim().to_owned());
        Ok(Self(id.filter(|id| !id.is_empty())))
    }
}

/// What a group of operations requires of a customer's key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    /// One of these scopes, if the key was made with this vendor's scopes.
    scopes: &'static [Scope],
    /// Nothing: every key may.
    permission: P,
}

pub(crate) const MEMBERSHIPS: Gate = Gate { scopes: &[Scope::Administrator], permission: P::MembershipsWrite };
pub(crate) const ACCOUNTS: Gate = Gate { scopes: &[Scope::AccountAdministrator], permission: P::AccountsWrite };
pub(crate) const CREATE_ORGANIZATIONS: Gate =
    Gate { scopes: &[Scope::Administrator], permission: P::OrganizationsCreate };
pub(crate) const LIST_ORGANIZATIONS: Gate =
    Gate { scopes: &[Scope::Administrator, Scope::User], permission: P::OrganizationsList };
pub(crate) const KEYS: Gate =
    Gate { scopes: &[Scope::Administrator, Scope::AccountAdministrator], permission: P::TokensWrite };

impl Gate {
    /// The organization of a `/v0` path.
    pub(crate) async fn at(self, caller: &Caller, organization: &str) -> Result<Organization, Error> {
        self.organization(caller, organization, Right::here(self.permission)).await
    }

    /// The organization of a `/v1` call.
    pub(crate) async fn selected(self, caller: &Caller, selected: Selected) -> Result<Organization, Failure> {
        let own = caller.token().and_then(|token| token.organization);
        match (own, selected.0) {
            (Some(own), None) => Ok(self.organization(caller, own, Right::here(self.permission)).await?),
            (Some(own), Some(id)) => {
                let found = self.organization(caller, &*id, Right::tree(self.permission)).await?;
                if found.id == own || found.parent == Some(own) { Ok(found) } else { Err(self.refusal().into()) }
            }
            (None, Some(id)) => Ok(self.at(caller, &id).await?),
            (None, None) => Err(RequestError::missing("X-WHYLABS-ORGANIZATION").into()),
        }
    }

    async fn organization(
        self,
        caller: &Caller,
        organization: impl Into<roster_engine::OrganizationRef>,
        right: Right,
    ) -> Result<Organization, Error> {
        if !self.opens_to(caller) {
            return Err(self.refusal());
        }
        caller.organization_for(organization, right).await.map_err(|error| match error {
            Error::NotFound(_) | Error::Forbidden(_) if !caller.is_realm_key() => self.refusal(),
            other => other,
        })
    }

    /// The engine checks permissions, which several scopes share; here the scopes' names are checked.
    fn opens_to(self, caller: &Caller) -> bool {
        let given = caller.token().and_then(scopes::given);
        given.is_none_or(|given| self.scopes.iter().any(|scope| given.contains(&scope.name())))
    }

    fn refusal(self) -> Error {
        Error::Forbidden(self.permission.key().into())
    }
}

/// Refuses keys of an organization that is shown as deleted, whatever they may do, and no others. The realm's root isn't shown, either,
/// but its keys give access to what is below.
pub(crate) async fn still_there(caller: &Caller) -> Result<(), Error> {
    let own = caller.token().and_then(|token| token.organization).filter(|own| *own != caller.root());
    let Some(own) = own else { return Ok(()) };
    match caller.organization(own).await {
        Ok(_) | Err(Error::Forbidden(_)) => Ok(()),
        Err(Error::NotFound(_)) => Err(Error::BadCredential),
        Err(error) => Err(error),
    }
}

/// For the operations that the vendor's own services call.
pub(crate) fn internal(caller: &Caller) -> Result<(), Error> {
    if caller.is_realm_key() { Ok(()) } else { Err(Error::Forbidden("a realm key".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[(&'static str, &'static str)]) -> PresentedSecret {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().expect("a header value"));
        }
        secret(&headers)
    }

    #[test]
    fn keys_in_headers_and_cookies() {
        let key = || PresentedSecret::Secret("id.secret".into());
        assert_eq!(found(&[("x-api-key", "id.secret")]), key());
        assert_eq!(found(&[("x-api-key", "id.secret:org-1:2")]), key());
        assert_eq!(found(&[("cookie", "a=b; X-API-Key=id.secret:org-1; c=d")]), key());
        assert_eq!(found(&[("cookie", "a=b"), ("cookie", "X-API-Key=\"id.secret\"")]), key());
        assert_eq!(found(&[("x-api-key", ""), ("cookie", "X-API-Key=id.secret")]), key());
        assert_eq!(found(&[("x-api-key", "id.secret"), ("cookie", "X-API-Key=other")]), key());
        assert_eq!(found(&[("x-api-key", ":org-1")]), PresentedSecret::Malformed);
        assert_eq!(found(&[("x-api-key", " "), ("cookie", "X-API-Key=")]), PresentedSecret::Missing);
        assert_eq!(found(&[("authorization", "Bearer id.secret")]), PresentedSecret::Missing);
    }
}

//! Organizations. Fields that only this vendor has are kept in their extras, under the vendor's names.

use roster_engine::{Error, Extras, Metadata, NewOrganization, Organization, OrganizationPatch, OrganizationRef};
use roster_http::{Failure, Pairs, RequestError};
use serde_json::Value;

use crate::map::{DIALECT, organization_id};
use crate::wire::{
    AccountOrganization, Nothing, OrganizationIdentifier, OrganizationMetadata, OrganizationSummary, SubscriptionTier,
};

const TIER: &str = "subscriptionTier";
const OBSERVATORY: &str = "observatoryUrl";
const BUCKET: &str = "storageBucketOverride";
const MANAGED_ONLY: &str = "allowManagedMembershipUpdatesOnly";

/// Whether only its account may change the members, and not the vendor's own services.
pub(crate) fn managed_updates_only(organization: &Organization) -> bool {
    organization.extras.flag(DIALECT, MANAGED_ONLY)
}

/// Whether it shows a parent; the realm's root isn't shown as one.
pub(crate) const fn has_parent(organization: &Organization) -> bool {
    organization.depth > 1
}

fn text(organization: &Organization, name: &str) -> Option<String> {
    organization.extras.text(DIALECT, name).map(str::to_owned)
}

fn tier(organization: &Organization) -> SubscriptionTier {
    let kept = organization.extras.of(DIALECT).and_then(|extras| extras.get(TIER));
    kept.and_then(|tier| serde_json::from_value(tier.clone()).ok()).unwrap_or_default()
}

fn domains(organization: &Organization) -> Option<String> {
    (!organization.email_domains.is_empty()).then(|| organization.email_domains.join(","))
}

fn managed_flag(organization: &Organization) -> Option<bool> {
    organization.extras.of(DIALECT)?.get(MANAGED_ONLY)?.as_bool()
}

pub(crate) fn account_organization(organization: &Organization) -> AccountOrganization {
    AccountOrganization { org_id: organization_id(organization), name: organization.name.clone() }
}

pub(crate) fn identifier(organization: &Organization) -> OrganizationIdentifier {
    OrganizationIdentifier { id: organization_id(organization), name: organization.name.clone() }
}

/// `parent`: the id that its parent is shown by.
pub(crate) fn summary(organization: &Organization, parent: Option<String>) -> OrganizationSummary {
    OrganizationSummary {
        id: organization_id(organization),
        name: organization.name.clone(),
        subscription_tier: tier(organization),
        email_domains: domains(organization),
        observatory_url: text(organization, OBSERVATORY),
        parent_org_id: parent,
        allow_managed_membership_updates_only: managed_flag(organization),
        notification_settings: Nothing,
    }
}

pub(crate) fn metadata(organization: &Organization, parent: Option<String>) -> OrganizationMetadata {
    OrganizationMetadata {
        id: organization_id(organization),
        name: organization.name.clone(),
        creation_time: organization.created.as_ms(),
        deleted: false,
        subscription_tier: tier(organization),
        email_domains: domains(organization),
        observatory_url: text(organization, OBSERVATORY),
        use_cloud_front: Nothing,
        parent_org_id: parent,
        subscription_id: Nothing,
        storage_bucket_override: text(organization, BUCKET),
        storage_uri_override: Nothing,
        allow_managed_membership_updates_only: managed_flag(organization),
        notification_settings: Nothing,
    }
}

/// `a.com, b.com` as a list; an empty string gives an empty list.
fn read_domains(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|domain| !domain.is_empty()).map(str::to_owned).collect()
}

/// The extras that the query sets.
fn read_extras(query: &Pairs) -> Result<Metadata, Failure> {
    let mut extras = Metadata::new();
    if let Some(tier) = query.optional("subscription_tier")? {
        let tier = Value::from(tier.to_ascii_uppercase());
        if serde_json::from_value::<SubscriptionTier>(tier.clone()).is_err() {
            let problem = "must be FREE, PAID, AWS_MARKETPLACE or SUBSCRIPTION";
            return Err(RequestError::invalid("subscription_tier", problem).into());
        }
        extras.insert(TIER.into(), tier);
    }
    for (parameter, name) in [("observatory_url", OBSERVATORY), ("storage_bucket_override", BUCKET)] {
        if let Some(text) = query.optional(parameter)? {
            extras.insert(name.into(), text.into());
        }
    }
    let flag = "allow_managed_membership_updates_only";
    if query.optional(flag)?.is_some() {
        extras.insert(MANAGED_ONLY.into(), query.lenient_flag(flag).into());
    }
    Ok(extras)
}

/// `org-` and letters and digits.
fn read_override(id: &str) -> Result<String, Error> {
    let rest = id.strip_prefix("org-").unwrap_or_default();
    if !rest.is_empty() && rest.len() <= 128 && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        Ok(id.to_owned())
    } else {
        Err(Error::invalid("alias", "must be org- and letters and digits"))
    }
}

fn parent(query: &Pairs) -> Result<Option<OrganizationRef>, Failure> {
    Ok(query.optional("parent_org_id")?.map(OrganizationRef::from))
}

pub(crate) fn new_organization(query: &Pairs) -> Result<NewOrganization, Failure> {
    let mut extras = Extras::default();
    extras.merge(DIALECT, &read_extras(query)?);
    let alias = query.optional("override_id")?.map(read_override).transpose()?;
    Ok(NewOrganization {
        name: query.required("name")?.to_owned(),
        parent: parent(query)?,
        email_domains: query.optional("email_domains")?.map(read_domains).unwrap_or_default(),
        alias: alias.map(|alias| (DIALECT, alias)),
        extras,
        ..NewOrganization::default()
    })
}

pub(crate) fn organization_patch(query: &Pairs) -> Result<OrganizationPatch, Failure> {
    Ok(OrganizationPatch {
        name: query.optional("name")?.map(str::to_owned),
        parent: parent(query)?,
        email_domains: query.optional("email_domains")?.map(read_domains),
        extras: Some((DIALECT, read_extras(query)?)),
        ..OrganizationPatch::default()
    })
}

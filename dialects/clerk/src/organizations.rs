//! Organizations.

use axum::Json;
use roster_engine::{
    BuiltIn as P, Metadata, Organization, OrganizationPatch, OrganizationQuery, OrganizationRef, OrganizationSort,
    Right, UserRef,
};
use roster_http::{App, Body, Failure, Path};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::{merged, organization_name, replaced, time};
use crate::docs::Failures;
use crate::map::{self, DIALECT};
use crate::query::Query;
use crate::session::Session;
use crate::wire::{self, CreateOrganization, DeletedObject, MergeMetadata, Paged, ReplaceMetadata, UpdateOrganization};

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(create, list))
        .routes(routes!(get, update, delete))
        .routes(routes!(merge_metadata, replace_metadata))
}

async fn show(session: &Session, organizations: &[Organization]) -> Result<Vec<wire::Organization>, Failure> {
    let creators = session.creators(organizations.iter().filter_map(map::creator).collect()).await?;
    Ok(organizations.iter().map(|o| map::organization(session, &creators, o)).collect())
}

async fn one(session: &Session, organization: Organization) -> Result<Json<wire::Organization>, Failure> {
    Ok(Json(show(session, &[organization]).await?.remove(0)))
}

/// The optional fields that were requested.
struct Include {
    members: bool,
    elevated: bool,
}

impl Include {
    fn of(query: &Query) -> Result<Self, Failure> {
        Ok(Self {
            members: query.flag("include_members_count")?.unwrap_or_default(),
            elevated: query.flag("include_missing_member_with_elevated_permissions")?.unwrap_or_default(),
        })
    }

    async fn put(&self, session: &Session, organizations: &[Organization]) -> Result<Vec<wire::Organization>, Failure> {
        let mut shown = show(session, organizations).await?;
        if self.members || self.elevated {
            let ids = organizations.iter().map(|organization| organization.id).collect();
            let counts = session.caller.count_in_organizations(ids).await?;
            for (wire, organization) in shown.iter_mut().zip(organizations) {
                let counts = counts.get(&organization.id).copied().unwrap_or_default();
                map::put_counts(wire, counts, self.members, self.elevated);
            }
        }
        Ok(shown)
    }
}

/// Create an organization.
///
/// The user in `created_by`, if any, becomes its first admin.
#[utoipa::path(
    post, path = "/organizations", operation_id = "CreateOrganization", tag = "Organizations",
    request_body = CreateOrganization,
    responses((status = 200, description = "Success.", body = wire::Organization), Failures),
)]
async fn create(session: Session, body: Body<CreateOrganization>) -> Result<Json<wire::Organization>, Failure> {
    let new = map::new_organization(body.read()?)?;
    let made = session.caller.create_organization(new).await?;
    one(&session, made).await
}

/// List organizations.
///
/// Returns those that match all filters, newest first by default.
#[utoipa::path(
    get, path = "/organizations", operation_id = "ListOrganizations", tag = "Organizations",
    params(
        ("query" = Option<String>, Query, description = "Part of the name or slug, or an id."),
        ("user_id" = Option<Vec<String>>, Query,
            description = "Only organizations that have this member. A leading `-` excludes them."),
        ("organization_id" = Option<Vec<String>>, Query, description = "A leading `-` excludes the value."),
        ("order_by" = Option<String>, Query,
            description = "`created_at`, `name` or `members_count`, with a leading `+` (ascending, the default) or `-` \
                (descending)."),
        ("limit" = Option<f64>, Query),
        ("offset" = Option<f64>, Query),
        ("include_members_count" = Option<bool>, Query),
        ("include_missing_member_with_elevated_permissions" = Option<bool>, Query),
    ),
    responses((status = 200, description = "Success.", body = Paged<wire::Organization>), Failures),
)]
async fn list(session: Session, query: Query) -> Result<Json<Paged<wire::Organization>>, Failure> {
    let sorts = [
        ("created_at", OrganizationSort::Created),
        ("name", OrganizationSort::ExactName),
        ("members_count", OrganizationSort::Members),
    ];
    let (sort, page) = query.page(&sorts, OrganizationSort::Created)?;
    let include = Include::of(&query)?;
    let query = OrganizationQuery {
        anything: query.text("query")?.filter(|text| !text.is_empty()).map(str::to_owned),
        members: query.signed("user_id", UserRef::Text)?,
        organizations: query.signed("organization_id", OrganizationRef::Text)?,
        sort,
        page,
        ..OrganizationQuery::default()
    };
    let listed = session.caller.list_organizations(query).await?;
    let data = include.put(&session, &listed.items).await?;
    Ok(Json(Paged { data, total_count: listed.total.unwrap_or_default() }))
}

/// Get an organization.
///
/// The organization is named by its id or slug.
#[utoipa::path(
    get, path = "/organizations/{organization_id}", operation_id = "GetOrganization", tag = "Organizations",
    params(
        ("organization_id" = String, Path, description = "The organization's id or slug."),
        ("include_members_count" = Option<bool>, Query),
        ("include_missing_member_with_elevated_permissions" = Option<bool>, Query),
    ),
    responses((status = 200, description = "Success.", body = wire::Organization), Failures),
)]
async fn get(
    session: Session,
    Path(organization_id): Path<String>,
    query: Query,
) -> Result<Json<wire::Organization>, Failure> {
    let organization = session.caller.organization(OrganizationRef::TextOrSlug(organization_id)).await?;
    let mut shown = Include::of(&query)?.put(&session, &[organization]).await?;
    Ok(Json(shown.remove(0)))
}

/// The organization in a path, if the caller may change it.
async fn place(session: &Session, organization: &str) -> Result<Organization, Failure> {
    Ok(session.caller.organization_for(organization, Right::tree(P::OrganizationsWrite)).await?)
}

async fn changed(
    session: &Session,
    organization: &Organization,
    patch: OrganizationPatch,
) -> Result<Json<wire::Organization>, Failure> {
    let changed = session.caller.update_organization(organization.id, patch).await?;
    one(session, changed).await
}

/// Update an organization.
///
/// Omitted fields stay unchanged. The slug stays when the name changes.
#[utoipa::path(
    patch, path = "/organizations/{organization_id}", operation_id = "UpdateOrganization", tag = "Organizations",
    params(("organization_id" = String, Path)), request_body = UpdateOrganization,
    responses((status = 200, description = "Success.", body = wire::Organization), Failures),
)]
async fn update(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<UpdateOrganization>,
) -> Result<Json<wire::Organization>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let body = body.read()?;
    session.metadata_in_patch(&[
        ("public_metadata", body.public_metadata.is_some()),
        ("private_metadata", body.private_metadata.is_some()),
    ])?;
    let own = body.admin_delete_enabled.map(|enabled| {
        let flag = (String::from("admin_delete_enabled"), Value::Bool(enabled));
        (DIALECT, Metadata::from_iter([flag]))
    });
    let patch = OrganizationPatch {
        name: body.name.map(organization_name).transpose()?,
        slug: body.slug,
        max_members: body.max_allowed_memberships,
        created: time("created_at", body.created_at.as_deref())?,
        public: replaced(body.public_metadata),
        private: replaced(body.private_metadata),
        extras: own,
        ..OrganizationPatch::default()
    };
    changed(&session, &organization, patch).await
}

/// Merge an organization's metadata.
#[utoipa::path(
    patch, path = "/organizations/{organization_id}/metadata", operation_id = "MergeOrganizationMetadata",
    tag = "Organizations", params(("organization_id" = String, Path)), request_body = MergeMetadata,
    responses((status = 200, description = "Success.", body = wire::Organization), Failures),
)]
async fn merge_metadata(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<MergeMetadata>,
) -> Result<Json<wire::Organization>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let body = body.read()?;
    let patch = OrganizationPatch {
        public: merged(body.public_metadata),
        private: merged(body.private_metadata),
        ..OrganizationPatch::default()
    };
    changed(&session, &organization, patch).await
}

/// Replace an organization's metadata.
#[utoipa::path(
    put, path = "/organizations/{organization_id}/metadata", operation_id = "ReplaceOrganizationMetadata",
    tag = "Organizations", params(("organization_id" = String, Path)), request_body = ReplaceMetadata,
    responses((status = 200, description = "Success.", body = wire::Organization), Failures),
)]
async fn replace_metadata(
    session: Session,
    Path(organization_id): Path<String>,
    body: Body<ReplaceMetadata>,
) -> Result<Json<wire::Organization>, Failure> {
    let organization = place(&session, &organization_id).await?;
    let body = body.read()?;
    let patch = OrganizationPatch {
        public: replaced(body.public_metadata),
        private: replaced(body.private_metadata),
        ..OrganizationPatch::default()
    };
    changed(&session, &organization, patch).await
}

/// Delete an organization.
///
/// Also deletes its memberships and invitations. An organization that has others below it is refused.
#[utoipa::path(
    delete, path = "/organizations/{organization_id}", operation_id = "DeleteOrganization", tag = "Organizations",
    params(("organization_id" = String, Path)),
    responses((status = 200, description = "Success.", body = DeletedObject), Failures),
)]
async fn delete(session: Session, Path(organization_id): Path<String>) -> Result<Json<DeletedObject>, Failure> {
    let gone = session.caller.delete_organization(&*organization_id, false, None).await?;
    let receipt = DeletedObject::new("organization", map::organization_id(&gone));
    Ok(Json(DeletedObject { slug: Some(gone.slug), ..receipt }))
}

//! Pictures of organizations and users. They can't be uploaded, so each is generated from the id.

use axum::response::{IntoResponse as _, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use roster_engine::{EntityId, Form, OrganizationId, UserId};
use roster_http::{App, Failure, Path, RequestError};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::docs::Failures;
use crate::map;

const ENDING: &str = ".svg";

pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(avatar))
}

/// The path of the entity's picture, below the surface's prefix.
pub(crate) fn path(id: impl EntityId) -> String {
    format!("/avatars/{}{ENDING}", map::id(id))
}

/// Get the picture of an organization or a user.
///
/// The picture never changes. It is drawn from the id alone, so it requires no key and doesn't reveal whether the id
/// exists.
#[utoipa::path(
    get, path = "/avatars/{image}", operation_id = "GetAvatar", tag = "Pictures", security(()),
    params(("image" = String, Path, description = "The id of an organization or a user, followed by `.svg`.")),
    responses((status = 200, description = "Success.", body = String, content_type = "image/svg+xml"), Failures),
)]
async fn avatar(Path(image): Path<String>) -> Result<Response, Failure> {
    let id = image.strip_suffix(ENDING).unwrap_or_default();
    let organization = Form::Clerk.read::<OrganizationId>(id).map(OrganizationId::raw);
    let raw =
        organization.or_else(|| Form::Clerk.read::<UserId>(id).map(UserId::raw)).ok_or(RequestError::RouteNotFound)?;
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("image/svg+xml")),
        (CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    Ok((headers, draw(raw)).into_response())
}

/// Spreads the few bits in which ids of one moment differ over all (the finalizer of SplitMix64).
const fn mix_bits(raw: i64) -> u64 {
    let mut bits = raw.cast_unsigned().wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Five by five squares, symmetrical about the vertical axis, in one of 360 hues.
fn draw(raw: i64) -> String {
    use std::fmt::Write as _;
    let bits = mix_bits(raw);
    let hue = bits % 360;
    let mut squares = String::new();
    for place in 0..15 {
        if bits >> (16 + place) & 1 == 1 {
            let (column, row) = (place / 5, place % 5);
            for x in if column == 2 { vec![2] } else { vec![column, 4 - column] } {
                let _ = write!(squares, "M{} {}h1v1h-1z", x + 1, row + 1);
            }
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 7 7\" width=\"140\" height=\"140\">\
         <rect width=\"7\" height=\"7\" fill=\"hsl({hue} 45% 92%)\"/>\
         <path fill=\"hsl({hue} 55% 42%)\" d=\"{squares}\"/></svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_differ_and_stay() {
        assert_eq!(draw(1), draw(1));
        let drawn: std::collections::BTreeSet<_> = (1000..1100).map(draw).collect();
        assert!(drawn.len() > 95, "neighbours look alike: {}", drawn.len());
        let one = draw(7);
        assert!(one.starts_with("<svg ") && one.ends_with("</svg>\n") && one.contains('M'), "{one}");
    }
}

//! The OpenAPI document as a page. All that it is made of is in the program: it loads nothing from elsewhere, and its
//! headers do not let it.

use super::address::Path;
use super::answer::HttpFailure;
use annuli_api::{ErrorCode, Failure};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use std::borrow::Cow;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// The reader of the document brings styles with it that it sets on elements, and pictures as `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A page.
pub(super) struct Page(&'static str);

/// A file that a page loads.
pub(super) struct PageFile {
    media_type: &'static str,
    bytes: Cow<'static, [u8]>,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
        (headers, [(X_CONTENT_TYPE_OPTIONS, "nosniff")], self.0).into_response()
    }
}

impl IntoResponse for PageFile {
    fn into_response(self) -> Response {
        let headers = [(CONTENT_TYPE, self.media_type), (CACHE_CONTROL, "max-age=3600")];
        (headers, [(X_CONTENT_TYPE_OPTIONS, "nosniff")], self.bytes).into_response()
    }
}

/// `GET /docs`
pub(super) async fn page() -> Page {
    Page(include_str!("docs/page.html"))
}

/// `GET /docs/{file}`
pub(super) async fn file(Path(name): Path<String>) -> Result<PageFile, HttpFailure> {
    let media_type = match name.rsplit_once('.') {
        Some((_, "js")) => "text/javascript; charset=utf-8",
        _ => "text/css; charset=utf-8",
    };
    let bytes = match name.as_str() {
        "page.js" => Some(Cow::Borrowed(include_bytes!("docs/page.js").as_slice())),
        "swagger-ui.css" | "swagger-ui-bundle.js" => shipped(&name)?,
        _ => None,
    };
    let missing = || Failure::new(ErrorCode::NotFound, format_args!("the page of the API has no file `{name}`"));
    Ok(PageFile { media_type, bytes: bytes.ok_or_else(missing)? })
}

/// A file of Swagger UI.
fn shipped(name: &str) -> Result<Option<Cow<'static, [u8]>>, Failure> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("openapi.json")));
    let broken = |error| Failure::new(ErrorCode::Internal, format_args!("`{name}` cannot be shown: {error}"));
    Ok(file.map_err(broken)?.map(|file| file.bytes))
}

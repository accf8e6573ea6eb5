//! A file as an answer: its type, what the browser may do with it, and whether it has it already.

use crate::shelf::{File, find};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY as POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

/// Scripts, styles and requests of this server alone, none of them written into a page; no frame around it, since a click
/// here may roll back a cluster; no form that leaves it.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; \
                                           frame-ancestors 'none'; object-src 'none'";

/// Kept, but asked about each time: after an upgrade nobody has half of the old console and half of the new one, and what
/// has not changed is not sent again.
const KEPT_BUT_CHECKED: &str = "no-cache";

/// The file at `path` for who `asked`.
pub(crate) fn answer(path: &str, asked: &HeaderMap) -> Response {
    let Some(file) = find(path) else {
        return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, TEXT)], "the console has no such file\n").into_response();
    };
    let tag = tag_of(file);
    let headers = [
        (CONTENT_TYPE, content_type(file.path)),
        (POLICY, CONTENT_SECURITY_POLICY),
        (CACHE_CONTROL, KEPT_BUT_CHECKED),
        (ETAG, tag.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    if has_already(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (StatusCode::OK, headers, file.bytes).into_response()
}

/// By what is in it: the same in every process of a release, whichever of them a browser asks. A file is a few kilobytes,
/// and hashed while one would look for its hash.
fn tag_of(file: &File) -> String {
    format!("\"{}\"", &blake3::hash(file.bytes).to_hex()[..16])
}

fn has_already(asked: &HeaderMap, tag: &str) -> bool {
    let tags = asked.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok());
    // A proxy that has packed the answer has made the tag a weak one.
    tags.flat_map(|tags| tags.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag)
}

const TEXT: &str = "text/plain; charset=utf-8";

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => TEXT,
    }
}

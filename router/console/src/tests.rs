//! What a browser is sent.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is a failed test")]

use super::*;
use crate::shelf::SHELF;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use std::path::{Path, PathBuf};
use tower::ServiceExt;

/// All of the console together: what a slow line has to carry before the first page is there.
const BYTES_MAX: usize = 300_000;

async fn get(path: &str, tag: Option<&str>) -> Response {
    let request = Request::get(path);
    let request = match tag {
        Some(tag) => request.header("if-none-match", tag),
        None => request,
    };
    console::<()>().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).unwrap_or_else(|| panic!("no header `{name}`")).to_str().unwrap()
}

async fn body(response: Response) -> Vec<u8> {
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn every_file_is_sent_as_it_is_with_its_type() {
    for file in SHELF {
        let response = get(&format!("/console/{}", file.path), None).await;
        assert_eq!(response.status(), 200, "{}", file.path);
        let expected = match Path::new(file.path).extension().map(|ending| ending.to_str().unwrap()) {
            Some("js" | "mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("html") => "text/html; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(header(&response, "content-type"), expected, "{}", file.path);
        assert_eq!(header(&response, "x-content-type-options"), "nosniff");
        assert_eq!(body(response).await, file.bytes, "{}", file.path);
    }
}

#[tokio::test]
async fn every_answer_allows_what_is_of_this_server_alone() {
    for path in ["/console/", "/console/main.js", "/console/rings.svg"] {
        let response = get(path, None).await;
        let policy = header(&response, "content-security-policy");
        assert!(policy.starts_with("default-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn what_a_browser_has_is_not_sent_again() {
    let first = get("/console/main.js", None).await;
    assert_eq!(header(&first, "cache-control"), "no-cache");
    let tag = header(&first, "etag").to_owned();
    for known in [tag.clone(), format!("\"0\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
        let again = get("/console/main.js", Some(&known)).await;
        assert_eq!(again.status(), 304, "{known}");
        assert_eq!(header(&again, "etag"), tag);
        assert!(body(again).await.is_empty());
    }
    assert_eq!(get("/console/frame.js", Some(&tag)).await.status(), 200);
}

#[tokio::test]
async fn the_console_is_found_without_its_slash_and_below_a_proxy() {
    let response = get("/console", None).await;
    assert_eq!(response.status(), 308);
    assert_eq!(header(&response, "location"), "console/");
    assert_eq!(header(&get("/console/", None).await, "content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn nothing_else_is_to_be_had() {
    for path in ["/console/nothing.js", "/console/../Cargo.toml", "/console/%2e%2e/src/lib.rs", "/console/views/"] {
        assert_eq!(get(path, None).await.status(), 404, "{path}");
    }
}

#[test]
fn the_shelf_holds_every_file_of_the_folder_in_order() {
    let pages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("pages");
    let (mut found, mut folders) = (Vec::new(), vec![pages.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(&pages).unwrap().to_str().unwrap().to_owned()),
            }
        }
    }
    found.sort();
    assert_eq!(SHELF.iter().map(|file| file.path).collect::<Vec<_>>(), found);
}

#[test]
fn the_console_is_small() {
    let bytes: usize = SHELF.iter().map(|file| file.bytes.len()).sum();
    assert!(bytes < BYTES_MAX, "{bytes} bytes");
}

#[test]
fn no_page_names_another_host_nor_holds_a_script() {
    let page = std::str::from_utf8(shelf::find("index.html").unwrap().bytes).unwrap();
    assert!(!page.contains("style=") && !page.contains(" on"), "{page}");
    assert!(
        page.matches("<script").count()
            == page.matches("<script src=").count() + page.matches("<script type=\"module\" src=").count()
    );
    // Of a namespace nothing is fetched.
    let namespaces =
        ["http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml", "http://www.w3.org/1998/Math/MathML"];
    for file in SHELF.iter().filter(|file| !file.path.starts_with("vendor/LICENSE")) {
        let mut text = String::from_utf8(file.bytes.to_vec()).unwrap();
        for namespace in namespaces {
            text = text.replace(namespace, "");
        }
        assert!(!text.contains("http://") && !text.contains("https://"), "{}", file.path);
    }
}

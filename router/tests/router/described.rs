//! What the OpenAPI document says, beside what the service does.

use crate::world::{Fake, World};
use annuli_router::Limits;
use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

const METHODS: [&str; 5] = ["get", "put", "post", "delete", "patch"];

fn world() -> World {
    World::new(&[Fake::Finds(Vec::new())])
}

/// A path of the document with something in each pair of braces.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{name}" => "test".to_owned(),
        "{word}" => "pause".to_owned(),
        "{file}" => "page.js".to_owned(),
        part if part.starts_with('{') => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        part => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn code(world: &World, method: &str, path: &str) -> String {
    let request = Request::builder().method(method.to_uppercase().as_str()).uri(filled(path));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    answer.body["error"]["code"].as_str().unwrap_or("none").to_owned()
}

#[tokio::test]
async fn the_service_answers_what_the_document_has_and_nothing_else() {
    let world = world();
    let document = world.get("/openapi.json").await.body;
    assert_eq!(document["openapi"], "3.1.0");
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in METHODS {
            let code = code(&world, method, path).await;
            if item.get(method).is_some() {
                operations += 1;
                assert!(code != "not_found" && code != "method_not_allowed", "{method} {path}: {code}");
            } else {
                assert_eq!(code, "method_not_allowed", "{method} {path}");
            }
        }
    }
    assert!(operations > 30, "{operations}");
}

#[tokio::test]
async fn a_failure_is_one_that_the_document_lists() {
    let world = world();
    let document = world.get("/openapi.json").await.body;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let request = Request::builder().method(method.to_uppercase().as_str()).uri(filled(path));
            let answer = world.send(request.body(Body::empty()).unwrap()).await;
            let listed = &operation["responses"][answer.status.as_str()];
            assert!(listed.is_object(), "{method} {path}: {} is not listed", answer.status);
            if let Some(code) = answer.body["error"]["code"].as_str() {
                let codes = listed["description"].as_str().unwrap();
                assert!(codes.contains(&format!("`{code}`")), "{method} {path}: {code} is not among {codes}");
            }
        }
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let world = world();
    let answer = world.get("/docs").await;
    let Value::String(page) = answer.body else { panic!("a page is a text") };
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("http"), "{policy}");
    assert!(!page.contains("//"), "{page}");
    let loads = |attribute: &'static str| page.split(attribute).skip(1).map(|rest| rest.split('"').next().unwrap());
    let loaded: Vec<_> = loads("src=\"").chain(loads("href=\"")).filter(|to| !to.starts_with("data:")).collect();
    assert_eq!(loaded.len(), 4, "{loaded:?}");
    for file in loaded {
        assert_eq!(world.get(&format!("/{file}")).await.status, 200, "{file}");
    }
    assert_eq!(world.get("/docs/index.html").await.failure().1, "not_found");
}

#[tokio::test]
async fn the_document_has_the_bounds_of_the_server() {
    let limits = Limits { batch_documents_max: 7, ..Limits::default() };
    let world = World::with(&[Fake::Finds(Vec::new())], limits, &[]);
    let document = world.get("/openapi.json").await.body;
    assert_eq!(document["components"]["schemas"]["IndexRequest"]["properties"]["documents"]["maxItems"], 7);
}

//! Who may ask for what, where a server has keys.

use crate::server::Server;
use serde_json::{Value, json};

async fn status(server: &Server, headers: &[(&str, &str)], method: &str, path: &str, body: Option<&Value>) -> u16 {
    server.send_with(headers, method, path, body).await.status
}

#[tokio::test]
async fn a_key_is_shown_as_clients_of_qdrant_do_and_as_ours_do() {
    let server = Server::with_keys();
    for headers in [("api-key", "read-read-read-read-"), ("authorization", "Bearer read-read-read-read-")] {
        assert_eq!(status(&server, &[headers], "GET", "/collections", None).await, 200, "{headers:?}");
    }
    for headers in [&[][..], &[("api-key", "nobody-nobody-nobody")], &[("authorization", "read-read-read-read-")]] {
        let answer = server.send_with(headers, "GET", "/collections", None).await;
        assert_eq!(answer.refused().0, 401, "{headers:?}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer realm=\"annuli\"");
    }
    assert_eq!(server.get("/nowhere").await.refused().0, 401);
    for open in ["/", "/livez", "/readyz", "/healthz"] {
        assert_eq!(server.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn a_call_needs_the_role_of_its_kind() {
    let server = Server::with_keys();
    let create = json!({"vectors": {"size": 1, "distance": "Dot"}});
    let points = json!({"points": [{"id": 1, "vector": [1]}]});
    let query = json!({"query": [1]});
    let calls = [
        ("PUT", "/collections/c", &create, "admin"),
        ("PUT", "/collections/c/points", &points, "write"),
        ("POST", "/collections/c/points/query", &query, "read"),
    ];
    let roles = ["read", "write", "admin"];
    for (method, path, body, needed) in calls {
        for role in roles {
            let key = format!("{role}-").repeat(4);
            let got = status(&server, &[("api-key", &key)], method, path, Some(body)).await;
            let may = roles.iter().position(|known| *known == role) >= roles.iter().position(|known| *known == needed);
            assert_eq!(got, if may { 200 } else { 403 }, "{method} {path} as {role}");
        }
    }
}

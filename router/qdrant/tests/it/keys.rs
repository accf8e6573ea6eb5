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

/// Every call with the least role that may ask for it; what is refused by its name needs the role read.
const NEEDED: [(&str, &[&str]); 3] = [
    (
        "read",
        &[
            "GET /collections",
            "GET /collections/{collection}",
            "GET /collections/{collection}/exists",
            "GET /collections/{collection}/cluster",
            "GET /collections/{collection}/aliases",
            "GET /aliases",
            "POST /collections/{collection}/points",
            "POST /collections/{collection}/points/query",
            "POST /collections/{collection}/points/query/batch",
            "POST /collections/{collection}/points/search",
            "POST /collections/{collection}/points/scroll",
            "POST /collections/{collection}/points/count",
            "GET /collections/{collection}/points/{id}",
            "GET /collections/{collection}/snapshots",
        ],
    ),
    (
        "write",
        &[
            "PUT /collections/{collection}/points",
            "POST /collections/{collection}/points/delete",
            "POST /collections/{collection}/points/batch",
            "PUT /collections/{collection}/points/vectors",
            "POST /collections/{collection}/points/payload",
            "PUT /collections/{collection}/points/payload",
            "POST /collections/{collection}/points/payload/delete",
            "POST /collections/{collection}/points/payload/clear",
            "PUT /collections/{collection}/index",
            "DELETE /collections/{collection}/index/{field}",
        ],
    ),
    (
        "admin",
        &[
            "PUT /collections/{collection}",
            "PATCH /collections/{collection}",
            "DELETE /collections/{collection}",
            "POST /collections/aliases",
            "POST /collections/{collection}/snapshots",
            "DELETE /collections/{collection}/snapshots/{snapshot}",
        ],
    ),
];

#[tokio::test]
async fn every_call_is_refused_to_the_roles_below_the_one_it_needs() {
    let server = Server::with_keys();
    let roles = NEEDED.map(|(role, _)| role);
    let mut met = 0;
    for route in annuli_qdrant::dialect().routes.iter().filter(|route| route.path != "/") {
        let call = format!("{} {}", route.method, route.path);
        let needed = NEEDED.iter().position(|(_, calls)| calls.contains(&call.as_str()));
        met += usize::from(needed.is_some());
        let path = route.path.replace(['{', '}'], "");
        for (has, role) in roles.into_iter().enumerate() {
            let key = format!("{role}-").repeat(4);
            let got = status(&server, &[("api-key", &key)], route.method.as_str(), &path, None).await;
            assert_eq!(got == 403, has < needed.unwrap_or(0), "{call} as {role}: {got}");
            assert_ne!(got, 401, "{call} as {role}");
            // What has no word above is a call that we do not have.
            assert!(needed.is_some() || got == 400, "{call} as {role}: {got}");
        }
        assert_eq!(status(&server, &[], route.method.as_str(), &path, None).await, 401, "{call} without a key");
    }
    assert_eq!(met, NEEDED.iter().map(|(_, calls)| calls.len()).sum::<usize>());
}

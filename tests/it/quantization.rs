//! By what graphs are walked: fixed at creation, and the same answers in the end.

use super::dump::cli::Dumps;
use super::dump::task::dump;
use annuli_tests::wait::wait_for;
use annuli_tests::{Index, Launch};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

#[test]
fn an_index_of_each_quantization_finds_what_is_near_and_keeps_it_over_restarts_and_dumps() {
    let mut server = Launch::new().variable("ANNULI_SEAL_POINTS", "100").start();
    let random = &mut StdRng::seed_from_u64(35);
    let vectors: Vec<Vec<f32>> = (0..400).map(|_| (0..8).map(|_| random.random_range(-1.0..1.0)).collect()).collect();
    let document = |(n, vector): (usize, &Vec<f32>)| json!({"id": format!("{n}"), "vector": vector});
    let documents: Value = vectors.iter().enumerate().map(document).collect();
    let names = ["none", "int8", "int4"];
    for name in names {
        let schema = json!({"dim": 8, "metric": "euclidean", "quantization": name});
        let index = Index::create_named(&server.client(), name, &schema);
        index.store(&documents);
        let built = wait_for("the graph", || {
            let info = index.info();
            (info["status"] == "ready").then_some(info)
        });
        assert_eq!(built["quantization"], name);
        assert_finds_itself(&index, &vectors);
    }
    let dumps = names.map(|name| dump(&Index::named(&server.client(), name)));
    assert_eq!(server.sigterm().code(), Some(0));
    server.restart();
    for name in names {
        let index = Index::named(&server.client(), name);
        assert_eq!(index.info()["quantization"], name);
        assert_finds_itself(&index, &vectors);
    }
    server.sigterm();
    for (name, dump) in names.iter().zip(dumps) {
        let dumps = Dumps(server.workspace());
        dumps.restore(&dump, server.workspace(), &format!("{name}-restored"), None).json();
    }
    server.restart();
    for name in names {
        let restored = Index::named(&server.client(), &format!("{name}-restored"));
        assert_eq!(restored.info()["quantization"], name);
        assert_finds_itself(&restored, &vectors);
    }
}

/// Each tenth document is the nearest of its own vector, at distance 0.
#[track_caller]
fn assert_finds_itself(index: &Index, vectors: &[Vec<f32>]) {
    for (n, vector) in vectors.iter().enumerate().step_by(10) {
        let answer = index.post("search", &json!({"vector": vector, "limit": 1, "ef": 100})).ok();
        let hit = &answer["results"][0]["hits"][0];
        assert_eq!((&hit["id"], &hit["distance"]), (&json!(format!("{n}")), &json!(0.0)));
    }
}

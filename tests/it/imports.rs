//! Imports without a server: what `annuli import --workspace` leaves is what an import over HTTP leaves, or nothing.

use crate::crash_loop::wait;
use crate::dump::cli::{Dumps, annuli, annuli_by, start};
use crate::dump::repartition::Seen;
use crate::model::seed;
use crate::model::vectors::vector;
use annuli_tests::packages::{self, Packages};
use annuli_tests::{Cluster, Index, Launch, Server, wait_until};
use rand::RngExt;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of these tests is text")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Writes whole documents, one a line.
fn lines(folder: &Path, documents: &[Value]) -> String {
    let path = folder.join("documents.jsonl");
    fs::write(&path, documents.iter().map(|document| format!("{document}\n")).collect::<String>()).unwrap();
    text(&path).to_owned()
}

#[test]
fn an_import_without_a_server_gives_what_one_over_http_gives() {
    let data = Packages::read();
    let [vectors, documents] = ["vectors.npy", "documents.jsonl"].map(packages::path);
    let import = |target: [&str; 2]| {
        let files = ["import", text(&vectors), "--metadata", text(&documents), "--index", "packages"];
        annuli(&[&files[..], &["--metric", "cosine", "--shards", "2", "--output", "json"], &target].concat()).json()
    };
    let sender = Server::start();
    import(["--url", &format!("http://{}", sender.address())]);
    let into = tempfile::tempdir().unwrap();
    let said = import(["--workspace", text(into.path())]);
    assert_eq!((&said["documents"], &said["duplicates"]), (&json!(7_825), &json!(0)));
    assert_eq!(names(&into.path().join("packages")), ["0", "1", "index.json"]);

    let loader = Launch::new().over(into.path()).start();
    let [sent, loaded] = [&sender, &loader].map(|server| Index::named(&server.client(), "packages"));
    let info = loaded.info();
    assert_eq!(info["status"], "ready", "nothing is left to build: {info}");
    for shard in info["shard_status"].as_array().unwrap() {
        assert_eq!((&shard["segments"]["count"], &shard["tail"]["documents"]), (&json!(1), &json!(0)), "{shard}");
        assert_eq!(shard["segments"]["documents"], shard["documents"]);
    }
    let built = sent.built();
    for name in ["dim", "metric", "shards", "hnsw", "quantization", "documents"] {
        assert_eq!(info[name], built[name], "{name}");
    }
    let queries: Vec<_> = data.queries.rows().take(50).map(<[f32]>::to_vec).collect();
    let filters: Vec<_> = data.filters.iter().map(|truth| truth.filter.clone()).collect();
    Seen::of(&sent, &queries, &filters).check_same(&Seen::of(&loaded, &queries, &filters));
    let mut found = 0;
    for (query, components) in queries.iter().enumerate() {
        let nearest: Vec<_> =
            data.neighbors.row(query)[..10].iter().map(|&row| data.id(usize::try_from(row).unwrap())).collect();
        let hits = loaded.found(&json!({"vector": components, "limit": 10}));
        found += hits.iter().filter(|id| nearest.contains(&id.as_str())).count();
    }
    assert!(found >= 475, "{found} of the 500 nearest were found");
}

#[test]
fn an_index_that_was_imported_without_a_server_is_an_index_like_any() {
    let random = &mut seed::random(23, 0);
    let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // Each id thrice: the last row of each counts.
    let document =
        |n: i32| json!({"id": format!("doc-{}", n % 100), "vector": vector(random, 7, 1.0), "metadata": {"n": n}});
    let documents: Vec<_> = (0..300).map(document).collect();
    let file = lines(folder.path(), &documents);
    let import = ["import", &file, "--index", "new", "--metric", "euclidean", "--shards", "3", "--output", "json"];
    let graphs = ["--quantization", "int4", "--m", "8", "--ef-construction", "60", "--workspace", text(into.path())];
    let said = annuli(&[&import[..], &graphs].concat()).json();
    assert_eq!((&said["documents"], &said["duplicates"]), (&json!(100), &json!(200)));

    let mut server = Launch::new().over(into.path()).start();
    let index = Index::named(&server.client(), "new");
    let info = index.info();
    let schema = ["dim", "metric", "shards", "hnsw", "quantization"].map(|name| info[name].clone());
    let hnsw = json!({"m": 8, "ef_construction": 60});
    assert_eq!(schema, [json!(7), json!("euclidean"), json!(3), hnsw, json!("int4")]);
    for document in &documents[200..] {
        assert_eq!(index.document(document["id"].as_str().unwrap())["metadata"], document["metadata"]);
    }
    assert_eq!(index.seqs().iter().sum::<u64>(), 300, "each row was a write");

    let queries: Vec<_> = (0..10).map(|_| vector(random, 7, 1.0)).collect();
    let filters = [json!({"n": {"$lt": 250}})];
    index.post("delete", &json!({"ids": ["doc-7"], "if_seq": index.document("doc-7")["seq"]})).ok();
    index.post("update", &json!({"documents": [{"id": "doc-8", "metadata": {"n": -1}}]})).ok();
    index.store(&json!([{"id": "late", "vector": queries[0], "metadata": {"n": 1}}]));
    let seen = Seen::of(&index, &queries, &filters);
    assert_eq!(index.count(), 100);
    server.kill9();
    server.restart();
    seen.check_same(&Seen::of(&Index::named(&server.client(), "new"), &queries, &filters));

    // A cluster restores such a dump.
    assert!(server.sigterm().success());
    let dump = Dumps(into.path()).call("create", &["new"]).json();
    let restored = tempfile::tempdir().unwrap();
    Dumps(into.path()).restore(dump["dump"].as_str().unwrap(), restored.path(), "new", Some(2)).json();
    let server = Launch::new().over(restored.path()).start();
    seen.check_same(&Seen::of(&Index::named(&server.client(), "new"), &queries, &filters));
}

#[test]
fn what_cannot_be_imported_leaves_everything_as_it_was() {
    let mut server = Server::start();
    let client = server.client();
    Index::create_named(&client, "taken", &json!({"dim": 2, "metric": "cosine"}));
    client.put("/v1/aliases/second", &json!({"index": "taken"})).ok();
    let (folder, workspace) = (tempfile::tempdir().unwrap(), server.workspace().to_owned());
    let import = |documents: &[Value], index: &str, flags: &[&str], says: &str| {
        let (file, before) = (lines(folder.path(), documents), names(&workspace));
        let import = ["import", &file, "--index", index, "--metric", "cosine", "--workspace", text(&workspace)];
        annuli(&[&import[..], flags].concat()).refused(&format!("error: nothing was imported: {says}"));
        assert_eq!(names(&workspace), before);
    };
    let good = |id: &str| json!({"id": id, "vector": [1, 2]});
    let served = format!("the workspace `{}` is in use by process {}", workspace.display(), server.pid());
    import(&[good("a")], "new", &[], &served);
    assert!(server.sigterm().success());
    for name in ["taken", "second"] {
        import(&[good("a")], name, &[], &format!("index or alias `{name}` exists: delete it first"));
    }
    let way = workspace.join("way");
    fs::create_dir_all(way.join("mine")).unwrap();
    import(&[good("a")], "way", &[], &format!("`{}` is there and is no index: move it away", way.display()));
    import(&[good("a")], "new", &["--m", "3"], "hnsw.m is 3");
    let file = folder.path().join("documents.jsonl");
    let line = |rest: &str| format!("`{}`, line 2: {rest}", file.display());
    import(&[good("a"), json!({"id": "b", "vector": [1]})], "new", &[], &line("the vector has 1 dimensions"));
    import(&[good("a"), json!({"id": "b", "vector": [0, 0]})], "new", &[], &line("the vector has length 0"));
    import(&[good("a"), json!({"id": "", "vector": [1, 2]})], "new", &[], &line(""));
    // What a server would say of it.
    let large = json!({"id": "b", "vector": [1, 2], "metadata": {"text": "x".repeat(70_000)}});
    import(&[good("a"), large.clone()], "new", &[], "row 1: document `b`: ");
    let mut many: Vec<_> = (0..2_500).map(|n| good(&n.to_string())).collect();
    many.push(large);
    import(&many, "new", &["--shards", "3"], "row 2500: document `b`: ");
    server.restart();
    assert_eq!(Index::named(&server.client(), "second").count(), 0);
}

#[test]
fn an_import_without_a_server_that_is_killed_has_imported_all_or_nothing() {
    let random = &mut seed::random(seed::seed(11), 0);
    let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let documents: Vec<_> =
        (0..4_000).map(|n| json!({"id": n.to_string(), "vector": vector(random, 16, 1.0)})).collect();
    let file = lines(folder.path(), &documents);
    let start = |name: &str| {
        let import = ["import", &file, "--index", name, "--metric", "euclidean", "--shards", "2"];
        start(&[&import[..], &["--workspace", text(into.path())]].concat())
    };
    let is_unfinished = || names(into.path()).iter().any(|name| name.starts_with(".new-"));
    let (mut whole, mut unfinished) = (Vec::new(), 0);
    for round in 0..12 {
        let name = format!("copy-{round:02}");
        let mut child = start(&name);
        match round {
            // Once it has begun, and once it is there: of the others nobody knows.
            0 => wait_until("an import has begun", is_unfinished),
            1 => wait_until("an import is done", || into.path().join(&name).exists()),
            _ => wait(Duration::from_millis(random.random_range(0..800))),
        }
        child.kill().unwrap();
        child.wait().unwrap();
        unfinished += usize::from(is_unfinished());
        if into.path().join(&name).exists() {
            whole.push(name);
        }
    }
    assert!(unfinished > 0 && !whole.is_empty(), "{unfinished} were broken off, {whole:?} done");
    let server = Launch::new().over(into.path()).start();
    let list = server.client().get("/v1/indexes").ok();
    assert_eq!(list.get("unavailable"), None);
    let listed: Vec<_> =
        list["indexes"].as_array().unwrap().iter().map(|info| info["name"].as_str().unwrap()).collect();
    assert_eq!(listed, whole);
    whole.iter().for_each(|name| assert_eq!(Index::named(&server.client(), name).count(), 4_000, "`{name}`"));
    assert!(names(into.path()).iter().all(|name| !name.starts_with(".new-")), "what was unfinished is swept");
}

/// As the README says it.
#[test]
fn a_cluster_restores_what_was_imported_without_a_server() {
    let random = &mut seed::random(29, 0);
    let (folder, loaded) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let documents: Vec<_> = (0..500)
        .map(|n| json!({"id": format!("doc-{n}"), "vector": vector(random, 7, 1.0), "metadata": {"n": n}}))
        .collect();
    let file = lines(folder.path(), &documents);
    let import = ["import", &file, "--index", "new", "--metric", "euclidean", "--shards", "2"];
    annuli(&[&import[..], &["--workspace", text(loaded.path())]].concat()).text();
    let cluster = Cluster::start(2, 1);
    let dump = Dumps(loaded.path()).call("create", &["new", "--dumps", text(&cluster.dumps())]).json();
    let url = format!("http://{}", cluster.router_address(0));
    annuli(&["--url", &url, "dump", "restore", dump["dump"].as_str().unwrap(), "--index", "new"]).text();

    let index = Index::named(&cluster.client(0), "new");
    wait_until("its primaries say that they serve", || index.post("count", &json!({})).is_success());
    assert_eq!(index.count(), 500);
    for shard in index.info()["shard_status"].as_array().unwrap() {
        let built = (&shard["segments"]["documents"], &shard["tail"]["documents"]);
        assert_eq!(built, (&shard["documents"], &json!(0)), "no graph is built again: {shard}");
    }
    for document in documents.iter().take(20) {
        let nearest = json!({"vector": document["vector"], "limit": 1, "exact": true});
        assert_eq!(index.found(&nearest), [document["id"].as_str().unwrap()]);
    }
}

/// Most systems let a process have 1,024 files open until it asks for more.
#[test]
fn more_files_are_open_at_once_than_a_process_begins_with() {
    let (folder, into) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let documents: Vec<_> = (0..100).map(|n| json!({"id": n.to_string(), "vector": [n, 1]})).collect();
    let file = lines(folder.path(), &documents);
    let few = ["sh", "-c", "ulimit -Sn 64 && exec \"$0\" \"$@\""].map(str::to_owned);
    let import = ["import", &file, "--index", "new", "--metric", "euclidean", "--shards", "16", "--output", "json"];
    let done = annuli_by(&few, &[&import[..], &["--workspace", text(into.path())]].concat()).json();
    assert_eq!(done["documents"], 100);
}

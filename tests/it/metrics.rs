//! What Prometheus is told: in its format, of everything that METRICS.md lists, and as things are.

use annuli_tests::raw_http::RawConnection;
use annuli_tests::wait::wait_for;
use annuli_tests::{Cluster, Index, Launch, Server};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A scrape: the value of each line, and the type of each family.
struct Scrape {
    values: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Reads the text format: comments, then samples, a line each.
    #[track_caller]
    fn of(server: &Server) -> Self {
        let answer = RawConnection::open(server.address()).request("GET", "/metrics", "", "").answer();
        assert_eq!(answer.status, 200, "{}", answer.text);
        let mut scrape = Self { values: BTreeMap::new(), types: BTreeMap::new() };
        let mut helped = BTreeSet::new();
        for line in answer.text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                helped.insert(help.split_once(' ').expect("a help says something").0.to_owned());
            } else if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').expect("a type");
                assert!(helped.contains(name), "{name} has no help");
                assert_eq!(scrape.types.insert(name.to_owned(), kind.to_owned()), None, "{name} comes twice");
            } else {
                let (sample, value) = line.rsplit_once(' ').expect("a sample and its value");
                let name = sample.split('{').next().expect("a name");
                let family = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
                let family = family.filter(|family| scrape.types.get(*family).is_some_and(|kind| kind == "histogram"));
                let kind = scrape.types.get(family.unwrap_or(name)).unwrap_or_else(|| panic!("{name} has no type"));
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
                assert_eq!(scrape.values.insert(sample.to_owned(), value), None, "{sample} comes twice");
            }
        }
        scrape
    }

    #[track_caller]
    fn value(&self, sample: &str) -> f64 {
        *self.values.get(sample).unwrap_or_else(|| panic!("no {sample} in {:#?}", self.values.keys()))
    }
}

fn number(value: f64) -> u64 {
    // Counts of a test are whole and small.
    value.to_string().parse().expect("a whole number")
}

/// A cluster whose replicas serve the first dump of `index`, and were asked. The second follows its primary.
fn rolled_out() -> Cluster {
    let mut cluster = Cluster::with_replicas(1, 1, 1);
    cluster.start_follower(0, 1);
    let index = Index::create_named(&cluster.client(0), "index", &json!({"dim": 2, "metric": "euclidean"}));
    index.store(&json!([{"id": "a", "vector": [1, 2]}]));
    cluster.dump(0, "index");
    cluster.roll_out(0, "index");
    cluster
}

#[test]
fn a_router_tells_of_replicas_and_of_what_they_serve() {
    let mut cluster = rolled_out();
    let index = Index::named(&cluster.client(0), "index");
    let search = json!({"vector": [1, 2], "limit": 1});
    for _ in 0..20 {
        index.post("search", &search).ok();
    }
    let written = index.store(&json!([{"id": "b", "vector": [2, 2]}]));
    index.post("count", &json!({"after": written["as_of"]})).ok();
    let addresses = [0, 1].map(|place| cluster.replica(0, place).address().to_owned());
    let scrape = Scrape::of(cluster.router(0));
    let of_both = |name: &str| {
        let of_replica = |address: &String| number(scrape.value(&format!(r#"{name}{{replica="{address}"}}"#)));
        addresses.iter().map(of_replica).sum::<u64>()
    };
    assert!(of_both("annuli_replica_requests_total") >= 20);
    assert_eq!(of_both("annuli_replica_failures_total"), 0);
    for address in &addresses {
        let state = format!(r#"annuli_replica_state{{replica="{address}",state="sound"}}"#);
        assert_eq!(number(scrape.value(&state)), 1);
    }
    let of_index = |name: &str| number(scrape.value(&format!(r#"{name}{{index="index"}}"#)));
    let of_shard = |name: &str| number(scrape.value(&format!(r#"{name}{{index="index",shard="0"}}"#)));
    assert_eq!((of_index("annuli_generation"), of_shard("annuli_generation_seq")), (1, 1));
    assert_eq!(of_shard("annuli_generation_replicas_ready"), 2);
    let fresher = r#"annuli_primary_reads_total{index="index",shard="0",why="fresher"}"#;
    assert_eq!(number(scrape.value(fresher)), 1);
    let tasks =
        |kind: &str, status: &str| number(scrape.value(&format!(r#"annuli_tasks{{kind="{kind}",status="{status}"}}"#)));
    assert_eq!((tasks("dump", "succeeded"), tasks("rollout", "succeeded"), tasks("rollout", "failed")), (1, 1, 0));
    assert_eq!(number(scrape.value("annuli_coordinator")), 1);
    assert_eq!(
        json!(number(scrape.value("annuli_coordinator_epoch"))),
        cluster.client(0).get("/v1/cluster").ok()["epoch"]
    );
}

#[test]
fn who_holds_a_shard_tells_its_figures_and_whether_it_serves() {
    let mut cluster = rolled_out();
    Index::named(&cluster.client(0), "index").store(&json!([{"id": "b", "vector": [2, 2]}]));
    let router = Scrape::of(cluster.router(0));
    let of_shard = |scrape: &Scrape, name: &str| number(scrape.value(&format!(r#"{name}{{index="index",shard="0"}}"#)));
    let primary = Scrape::of(cluster.primary(0));
    assert_eq!((of_shard(&primary, "annuli_documents"), of_shard(&primary, "annuli_seq")), (2, 2));
    assert_eq!((of_shard(&router, "annuli_shard_up"), of_shard(&router, "annuli_generation_seq")), (1, 1));
    assert!(!router.types.contains_key("annuli_documents"), "what a primary tells, no router tells again");
    assert_eq!((number(primary.value("annuli_ready")), number(primary.value("annuli_stores"))), (1, 1));
    assert!(primary.value("annuli_store_memtable_bytes") > 0.0);
    let written = r#"annuli_shard_calls_total{call="write",outcome="answered"}"#;
    assert_eq!(number(primary.value(written)), 2);
    let replica = Scrape::of(cluster.replica(0, 0));
    assert_eq!((of_shard(&replica, "annuli_held_generation"), of_shard(&replica, "annuli_held_documents")), (1, 1));
    assert_eq!(number(replica.value("annuli_ready")), 1);
    for (role, scrape) in [("router", &router), ("primary", &primary), ("replica", &replica)] {
        let release = env!("CARGO_PKG_VERSION");
        let info = format!(r#"annuli_build_info{{role="{role}",version="{release}"}}"#);
        assert_eq!(number(scrape.value(&info)), 1);
        assert!(scrape.value("process_resident_memory_bytes") > 0.0);
    }
    let live = |role: &str| number(router.value(&format!(r#"annuli_shard_processes{{role="{role}",shard="0"}}"#)));
    assert_eq!((live("primary"), live("replica"), live("aside")), (1, 2, 0));
    assert_eq!(number(router.value(r#"annuli_dumps{index="index"}"#)), 1);
    assert!(router.value(r#"annuli_dump_created_timestamp_seconds{index="index"}"#) > 1.7e9);
}

#[test]
fn stages_of_a_search_are_timed() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": 2, "metric": "euclidean", "shards": 3}));
    index.post("search", &json!({"vector": [1, 2]})).ok();
    let scrape = Scrape::of(&server);
    let count = |stage: &str| number(scrape.value(&format!(r#"annuli_search_stage_seconds_count{{stage="{stage}"}}"#)));
    assert_eq!((count("shard"), count("fan_out"), count("merge")), (3, 1, 1));
}

#[test]
fn every_metric_is_of_the_format_and_documented() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": 2, "metric": "euclidean", "shards": 2}));
    index.store(&json!([{"id": "a", "vector": [1, 2]}]));
    index.post("search", &json!({"vector": [1]}));
    let mut told: BTreeSet<_> = Scrape::of(&server).types.into_keys().collect();
    let mut cluster = rolled_out();
    told.extend(Scrape::of(cluster.router(0)).types.into_keys());
    told.extend(Scrape::of(cluster.primary(0)).types.into_keys());
    told.extend(wait_for("the replica that follows", || {
        let types = Scrape::of(cluster.replica(0, 1)).types;
        types.contains_key("annuli_following").then(|| types.into_keys())
    }));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../METRICS.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let is_name = |word: &&str| word.starts_with("annuli_") || word.starts_with("process_");
    let names = page.split('`').filter(is_name).filter(|name| !name.contains(['"', ' ']));
    let documented: BTreeSet<_> = names.map(|name| name.split('{').next().expect("a name").to_owned()).collect();
    assert_eq!(told, documented);
}

#[test]
fn requests_are_counted_by_path_and_status() {
    let server = Server::start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": 2, "metric": "euclidean"}));
    index.store(&json!([{"id": "a", "vector": [1, 2]}]));
    for _ in 0..3 {
        index.post("search", &json!({"vector": [1, 2]})).ok();
    }
    index.post("search", &json!({"vector": [1]}));
    for path in ["/nowhere", "/v1/indexes/index/nowhere", "/v1/indexes/none"] {
        server.client().get(path);
    }
    let scrape = Scrape::of(&server);
    let requests = |endpoint: &str, method: &str, code: u16| {
        let labels = format!(r#"code="{code}",endpoint="{endpoint}",method="{method}""#);
        number(scrape.value(&format!("annuli_requests_total{{{labels}}}")))
    };
    assert_eq!(requests("/v1/indexes/{name}/search", "POST", 200), 3);
    assert_eq!(requests("/v1/indexes/{name}/search", "POST", 422), 1);
    assert_eq!(requests("/v1/indexes/{name}", "PUT", 201), 1);
    assert_eq!(requests("/v1/indexes/{name}", "GET", 404), 1);
    assert_eq!(requests("other", "GET", 404), 2);
    let errors = |code| number(scrape.value(&format!(r#"annuli_request_errors_total{{error="{code}"}}"#)));
    assert_eq!((errors("dimension_mismatch"), errors("not_found"), errors("index_not_found")), (1, 2, 1));
    let of_searches = r#"endpoint="/v1/indexes/{name}/search",method="POST""#;
    assert_eq!(number(scrape.value(&format!("annuli_request_seconds_count{{{of_searches}}}"))), 4);
    let all = scrape.value(&format!(r#"annuli_request_seconds_bucket{{{of_searches},le="+Inf"}}"#));
    assert_eq!(number(all), 4);
    assert!(scrape.value(&format!("annuli_request_seconds_sum{{{of_searches}}}")) > 0.0);
}

#[test]
fn shards_are_told_as_they_are() {
    let server = Launch::new().variable("ANNULI_SEAL_POINTS", "100").start();
    let index = Index::create_named(&server.client(), "index", &json!({"dim": 2, "metric": "euclidean"}));
    let document = |n: usize| json!({"id": format!("{n}"), "vector": [n, n % 7]});
    index.store(&(0..500).map(document).collect());
    index.store(&(0..20).map(document).collect());
    wait_for("the graph", || (index.info()["status"] == "ready").then_some(()));
    let scrape = Scrape::of(&server);
    let of_shard = |name: &str| number(scrape.value(&format!(r#"{name}{{index="index",shard="0"}}"#)));
    assert_eq!((of_shard("annuli_shard_up"), of_shard("annuli_documents")), (1, 500));
    assert_eq!(of_shard("annuli_pending_documents"), 0);
    let info = index.info()["shard_status"][0].clone();
    assert_eq!(json!(of_shard("annuli_segments")), info["segments"]["count"]);
    assert_eq!(json!(of_shard("annuli_segment_bytes")), info["segments"]["bytes"]);
    assert_eq!(json!(of_shard("annuli_tail_documents")), info["tail"]["documents"]);
    assert_eq!(
        json!(of_shard("annuli_segment_documents") - of_shard("annuli_segment_dead_documents")),
        info["segments"]["documents"]
    );
    let seals = scrape.value(r#"annuli_build_documents_total{kind="seal"}"#);
    assert!((400.0..=520.0).contains(&seals), "{seals}");
    assert!(scrape.value(r#"annuli_builds_total{kind="seal"}"#) >= 1.0);
    assert!(scrape.value(r#"annuli_build_seconds_total{kind="seal"}"#) > 0.0);
    assert_eq!(number(scrape.value("annuli_group_writes_sum")), 520);
    let groups = number(scrape.value("annuli_group_writes_count"));
    assert_eq!(groups, number(scrape.value("annuli_commit_seconds_count")));
    assert_eq!(server.client().delete(&index.path("")).status, 204);
    let after = Scrape::of(&server);
    assert!(!after.values.keys().any(|sample| sample.contains(r#"index="index""#)), "nothing of what is gone");
    assert_eq!(number(after.value(r#"annuli_indexes{state="served"}"#)), 0);
}

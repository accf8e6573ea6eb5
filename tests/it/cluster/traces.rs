//! A search as one trace: from its client through the router to the shards.

use super::{documents, schema};
use annuli_tests::collector::{Collected, Collector};
use annuli_tests::raw_http::RawConnection;
use annuli_tests::wait::wait_for;
use annuli_tests::{Index, Launch, Role, Server};
use serde_json::json;
use std::collections::BTreeSet;
use tempfile::TempDir;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const OF_CLIENT: [u8; 8] = [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7];

/// A router, two primaries and a replica of shard 0, which trace what their clients trace and nothing else.
struct Traced {
    router: Server,
    _shards: [Server; 3],
    _folder: TempDir,
}

impl Traced {
    fn start(collector: &Collector) -> Self {
        let folder = TempDir::new().unwrap();
        let member = |role| {
            let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
            let launch = Launch::new().role(role).argument("--coordination").argument(&place("coordination"));
            let launch = launch.argument("--dumps").argument(&place("dumps"));
            let launch =
                launch.argument("--traces").argument(&collector.url()).argument("--traces-sample").argument("0");
            launch.variable("OTEL_BSP_SCHEDULE_DELAY", "50")
        };
        let router = member(Role::Router).argument("--dump-every").argument("never").start();
        let shard = |shard: &str, role: &str| {
            let of_shard = member(Role::Indexer).argument("--shards").argument("2").argument("--shard").argument(shard);
            of_shard.argument("--role").argument(role).start()
        };
        let shards = [shard("0", "primary"), shard("1", "primary"), shard("0", "replica")];
        Self { router, _shards: shards, _folder: folder }
    }

    /// Waits until replicas serve what was stored.
    fn roll_out(&self, index: &Index) {
        for what in ["dumps", "rollouts"] {
            let started = self.router.client().post(&index.path(&format!("/{what}")), &json!({})).ok();
            let task = started["task"].as_str().unwrap().to_owned();
            wait_for("the end of a task", || {
                let task = self.router.client().get(&format!("/v1/tasks/{task}")).ok();
                assert_ne!(task["status"], "failed", "{task}");
                (task["status"] == "succeeded").then_some(())
            });
        }
    }
}

#[track_caller]
fn child<'a>(spans: &'a [Collected], parent: &[u8], name: &str, shard: Option<&str>) -> &'a Collected {
    let is = |span: &&Collected| {
        let of_shard = span.said.get("annuli.shard").map(String::as_str);
        span.parent == parent && span.name == name && (shard.is_none() || shard == of_shard)
    };
    spans.iter().find(is).unwrap_or_else(|| panic!("no `{name}` of {shard:?} below {parent:?} in {spans:#?}"))
}

#[test]
fn a_search_is_one_trace_from_its_client_to_the_shards() {
    let collector = Collector::start();
    let cluster = Traced::start(&collector);
    let index = Index::create(&cluster.router.client(), &schema());
    index.store(&documents(20));
    cluster.roll_out(&index);
    let search = |traceparent: &str| {
        let headers = format!("content-type: application/json\r\n{traceparent}");
        let body = json!({"vector": [0.123456, 0], "limit": 3}).to_string();
        let connection = RawConnection::open(cluster.router.address());
        connection.request("POST", &index.path("/search"), &headers, &body).answer().ok();
    };
    search("");
    search(&format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-00\r\n"));
    search(&format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n"));

    // The request, its merge, and of each shard: that it is asked, the call on both sides, the search; and the replica.
    let spans = collector.wait_for(11);
    assert_eq!(spans.len(), 11, "what its client does not trace is not: {spans:#?}");
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:#?}");
    let request = child(&spans, &OF_CLIENT, "POST /v1/indexes/{name}/search", None);
    assert_eq!((&*request.service, &*request.said["http.response.status_code"]), ("annuli-router", "200"));
    child(&spans, &request.id, "merge", None);
    let asked = [child(&spans, &request.id, "shard", Some("0")), child(&spans, &request.id, "shard", Some("1"))];
    let replica = child(&spans, &asked[0].id, "replica", None);
    assert_eq!(replica.said["annuli.asked"], "first");
    for (shard, parent, holder) in [("0", replica, "annuli-replica"), ("1", asked[1], "annuli-primary")] {
        let call = child(&spans, &parent.id, "search", Some(shard));
        let answer = child(&spans, &call.id, "search", Some(shard));
        let searched = child(&spans, &answer.id, "search the shard", None);
        assert_eq!((&*call.service, &*answer.service, &*searched.service), ("annuli-router", holder, holder));
    }

    let keys: BTreeSet<_> = spans.iter().flat_map(|span| span.said.keys().map(String::as_str)).collect();
    let of_ours = ["annuli.asked", "annuli.generation", "annuli.shard"];
    let of_http = ["http.request.method", "http.response.status_code", "http.route", "server.address"];
    assert_eq!(keys, of_ours.into_iter().chain(of_http).collect());
    let all = format!("{spans:?}");
    assert!(!all.contains("doc-") && !all.contains("0.123456"), "{all}");
}

#[test]
fn a_collector_that_is_away_costs_its_spans_and_nothing_else() {
    let launch = Launch::new().argument("--traces").argument("http://127.0.0.1:9").argument("--traces-sample");
    let mut server = launch.argument("1").variable("OTEL_BSP_SCHEDULE_DELAY", "50").start();
    let index = Index::create(&server.client(), &schema());
    index.store(&documents(20));
    let lost = || {
        let told = server.client().get("/metrics").text;
        let line = told.lines().find_map(|line| line.strip_prefix("annuli_spans_lost_total "));
        line.expect("the metric is told").parse::<u64>().expect("a number")
    };
    wait_for("spans to be lost", || {
        assert_eq!(index.hits(&json!({"vector": [0, 0], "limit": 3})).len(), 3);
        (lost() > 0).then_some(())
    });
    let said = ["spans cannot be sent to the collector", "http://127.0.0.1:9/v1/traces: it cannot be asked: "];
    said.iter().for_each(|said| assert!(server.log().contains(said), "{}", server.log()));
    assert!(server.sigterm().success());
}

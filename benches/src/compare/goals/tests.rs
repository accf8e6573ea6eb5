use super::super::cluster_table::tests::cluster;
use super::super::growth::tests::grown;
use super::super::ratio::tests::peer;
use super::*;
use crate::cluster::results::ClusterResults;
use crate::dataset::Name;
use crate::dataset::noise::Growth;
use crate::library::frontier::AtRecall;
use crate::library::peer::Peer;
use crate::library::results::{LibraryResults, PeerResults};
use crate::own::results::{Batches, Exact, OwnResults, Restarts, Side};
use crate::recall::Tally;
use crate::servers;
use crate::servers::results::{Ingest, Load, OnConnections, ServerResults, ServersResults, WithoutSearch};
use clap::ValueEnum;

/// A comparison of these, and nothing else in it.
pub(crate) fn comparison_of(libraries: Vec<PeerResults>, servers: Vec<ServerResults>) -> Comparison {
    Comparison {
        name: "debian-packages",
        metric: "cosine",
        documents: 7825,
        dim: 256,
        queries: 200,
        load_average: [None, None],
        libraries: LibraryResults { peers: libraries, skipped: Vec::new() },
        own: OwnResults::default(),
        servers: ServersResults { peers: servers, skipped: Vec::new() },
        cluster: ClusterResults::default(),
        left_out: Vec::new(),
    }
}

fn comparison() -> Comparison {
    let mut ours = peer("annuli", 300.0, false);
    ours.build.seconds = 1.0;
    let mut other = peer("hnsw-rs", 150.0, false);
    other.build.seconds = 4.0;
    let servers = vec![server("annuli-json", 400.0), server("chroma", 100.0)];
    Comparison {
        own: own(),
        cluster: cluster(),
        ..comparison_of(vec![ours, peer("hnswlib", 100.0, false), other], servers)
    }
}

/// A server that answers and stores so many a second, and answers twice as many when there is nothing to search.
pub(crate) fn server(name: &'static str, rate: f64) -> ServerResults {
    let p99_ms = 1000.0 / rate;
    let without = WithoutSearch { queries_per_second: 2.0 * rate, p99_ms: p99_ms / 2.0, rounds: Vec::new() };
    let on = OnConnections {
        connections: 4,
        queries_per_second: rate,
        p50_ms: 1.0,
        p99_ms,
        without_search: Some(without),
        rounds: Vec::new(),
    };
    ServerResults {
        name,
        version: name.to_owned(),
        ingest: Ingest { seconds_until_acknowledged: 1.0, seconds_until_searchable: 1.0, rows_per_second: rate },
        memory_bytes: None,
        search: Some(Load { ef: 10, recall: 0.96, reached: true, connections: vec![on] }),
        filtered: Vec::new(),
        restart_seconds: None,
    }
}

/// Batches at nine tenths of the engine's speed, exact search at three quarters of memory's, half a second to restart.
pub(crate) fn own() -> OwnResults {
    let side = |speed| Side { points: Vec::new(), speed: Some(AtRecall::Between { queries_per_second: speed }) };
    let tally = Tally { wanted: 10, found: 10, ..Tally::default() };
    OwnResults {
        exact: Some(Exact { queries: 1, tally, bytes: 3, seconds_per_search: 4.0, seconds_per_reading: 3.0 }),
        batches: Some(Batches {
            queries_per_request: 100,
            connections: 4,
            threads: 2,
            recall: 0.95,
            engine: side(100.0),
            service: side(90.0),
        }),
        restart: Some(Restarts { seconds_until_ready: 0.5, seconds_until_answer: 0.75, rounds: Vec::new() }),
        skipped: Vec::new(),
    }
}

fn goal(of: Of, against: Option<&str>) -> Goal {
    let (at_least, at_most) = if of.is_speed() { (Some(2.5), None) } else { (None, Some(0.2)) };
    Goal { dataset: "debian-packages".to_owned(), of, against: against.map(str::to_owned), at_least, at_most }
}

#[track_caller]
fn check(of: Of, against: &str, expected: &[Option<(f64, &str, bool)>]) {
    let outcomes = outcomes(&[goal(of, Some(against))], &[comparison()], &[]);
    let found: Vec<_> =
        outcomes.iter().map(|outcome| Some((outcome.measured?.figure(), outcome.peer?, outcome.met()?))).collect();
    assert_eq!(found, expected);
}

#[track_caller]
fn check_alone(of: Of, growth: &[Comparison], expected: &[f64]) {
    let outcomes = outcomes(&[goal(of, None)], &[comparison()], growth);
    let found: Vec<f64> = outcomes.iter().map(|outcome| outcome.measured.unwrap().figure()).collect();
    assert_eq!(found.len(), expected.len(), "{outcomes:?}");
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-9), "{found:?}");
}

#[test]
fn a_goal_is_met_or_missed_at_each_recall_that_was_reached() {
    check(Of::Search, "hnswlib", &[None, Some((3.0, "hnswlib", true)), None]);
    check(Of::Build, "hnswlib", &[Some((0.1, "hnswlib", true))]);
    check(Of::Memory, "hnswlib", &[Some((1.0, "hnswlib", false))]);
}

#[test]
fn the_best_is_whom_ours_looks_worst_beside() {
    check(Of::Search, "best", &[None, Some((2.0, "hnsw-rs", false)), None]);
    check(Of::Build, "best", &[Some((0.25, "hnsw-rs", false))]);
}

#[test]
fn goals_of_servers_are_of_each_of_ours_over_each_number_of_connections() {
    check(Of::Service, "chroma", &[Some((4.0, "chroma", true))]);
    check(Of::Latency, "best", &[Some((0.25, "chroma", false))]);
    check(Of::Ingest, "best", &[Some((4.0, "chroma", true))]);
    check(Of::Service, "pgvector", &[None]);
}

#[test]
fn a_server_that_does_not_reach_the_recall_is_nobody_to_beat() {
    let mut comparison = comparison();
    comparison.servers.peers[1].search.as_mut().unwrap().reached = false;
    for of in [Of::Service, Of::Latency, Of::Ingest] {
        let outcomes = outcomes(&[goal(of, Some("best"))], std::slice::from_ref(&comparison), &[]);
        assert_eq!(outcomes.len(), 1);
        assert_eq!((outcomes[0].measured, outcomes[0].met()), (None, None), "{of:?}");
    }
}

#[test]
fn goals_of_ours_alone_name_no_peer() {
    check_alone(Of::WithoutSearch, &[], &[0.5]);
    check_alone(Of::Batches, &[], &[0.9]);
    check_alone(Of::Exact, &[], &[0.75]);
    check_alone(Of::Restart, &[], &[0.5]);
    let outcomes = outcomes(&[goal(Of::Restart, None)], &[comparison()], &[]);
    assert_eq!((outcomes[0].peer, outcomes[0].met()), (None, Some(false)));
    assert_eq!(outcomes[0].measured, Some(Measured::Seconds(0.5)));
}

#[test]
fn goals_of_what_is_operated_name_no_peer() {
    check_alone(Of::Dump, &[], &[0.5]);
    check_alone(Of::DumpWrites, &[], &[1.25]);
    check_alone(Of::TwoReplicas, &[], &[1.9]);
    check_alone(Of::FourReplicas, &[], &[3.5]);
    check_alone(Of::RolloutFailures, &[], &[1.0]);
    check_alone(Of::RolloutLatency, &[], &[1.5]);
}

#[test]
fn goals_of_growth_are_of_each_set_but_the_smallest() {
    let growth = [grown(1_000, 300.0, 1.0), grown(1_000_000, 150.0, 4_000.0)];
    check_alone(Of::GrowthSpeed, &growth, &[1.0]);
    check_alone(Of::GrowthBuild, &growth, &[2.0]);
    check_alone(Of::GrowthSpeed, &growth[..1], &[]);
}

#[test]
fn nothing_is_known_of_who_did_not_take_part() {
    check(Of::Filtered, "qdrant-edge", &[None, None, None]);
    assert_eq!(outcomes(&[goal(Of::Build, Some("best"))], &[], &[]), []);
}

#[test]
fn the_tolerances_name_what_there_is() {
    let Tolerances { goal, floor } = tolerances().unwrap();
    assert!(!goal.is_empty() && !floor.is_empty());
    for Goal { dataset, of, against, at_least, at_most } in goal.iter().chain(&floor) {
        let sets = Name::ALL.into_iter().chain(Growth::ALL.map(Name::Noise));
        let is_growth = matches!(of, Of::GrowthSpeed | Of::GrowthBuild);
        assert_eq!(dataset == GROWTH, is_growth, "{dataset}");
        assert!(is_growth || sets.map(Name::as_str).any(|name| name == dataset), "{dataset}");
        assert_eq!(against.is_some(), of.has_peer(), "{dataset}: {of:?}");
        if let Some(against) = against {
            let server = servers::Peer::value_variants().iter().any(|peer| peer.as_str() == against);
            let library = Peer::ALL.iter().any(|peer| peer.as_str() == against);
            assert!(against == "best" || server || library, "{against}");
        }
        assert_ne!(at_least.is_some(), at_most.is_some(), "{dataset}: {of:?}");
    }
}

//! Processes of a cluster are cut off from each other, and reach each other again.
//!
//! Each fact is shown twice: with a cable of the test's own that is pulled out, behind which connections stay open and
//! silent; and with hosts between which packets are lost, where this machine lets us have some.

use super::{count, documents, schema};
use annuli_api::{Effect, ErrorCode, Failure};
use annuli_core::placement::shard_of;
use annuli_core::{DocId, ShardCount, ShardId};
use annuli_tests::wait::wait_until_within;
use annuli_tests::{Answer, Cable, Cluster, Etcd, Freshness, Host, Index, Load, Network, wait_until};
use serde_json::{Value, json};
use std::time::Duration;

/// After a cut everything is as before within this time.
const HEALS_WITHIN: Duration = Duration::from_secs(2);

/// How processes are kept apart.
#[derive(Debug, Clone, Copy)]
enum By {
    Cables,
    Hosts,
}

/// What is between one process and the others that it is cut off from.
enum Between {
    Cable(Cable),
    Hosts { network: Network, near: Host, far: Host },
}

impl Between {
    /// Something between this host, with all that runs here, and another.
    fn here_and_there(by: By) -> Self {
        Self::of(by, |network| Ok((network.here(), network.host()?)))
    }

    /// Something between two others.
    fn two_others(by: By) -> Self {
        Self::of(by, |network| Ok((network.host()?, network.host()?)))
    }

    fn of(by: By, hosts: impl Fn(&Network) -> Result<(Host, Host), String>) -> Self {
        let made = match by {
            By::Cables => return Self::Cable(Cable::new()),
            By::Hosts => Network::new().and_then(|network| Ok((hosts(&network)?, network))),
        };
        match made {
            Ok(((near, far), network)) => Self::Hosts { network, near, far },
            Err(reason) => {
                eprintln!("NOT TESTED between hosts, a cable must do: this machine does not let us have any: {reason}");
                Self::Cable(Cable::new())
            }
        }
    }

    /// A cluster that it can be in.
    fn cluster(&self, shards: usize) -> Cluster {
        match self {
            Self::Cable(_) => Cluster::of_routers(shards, 0),
            Self::Hosts { .. } => Cluster::among_hosts(None, shards),
        }
    }

    fn start_primary(&self, cluster: &mut Cluster, shard: usize) {
        match self {
            Self::Cable(cable) => cluster.start_primary_behind(cable, shard),
            Self::Hosts { far, .. } => cluster.start_primary_on(far, shard),
        }
    }

    fn start_replica(&self, cluster: &mut Cluster, shard: usize, place: usize) {
        match self {
            Self::Cable(cable) => cluster.start_replica_behind(cable, shard, place),
            Self::Hosts { far, .. } => cluster.start_replica_on(far, shard, place),
        }
    }

    fn cut(&self) {
        match self {
            Self::Cable(cable) => cable.cut(),
            Self::Hosts { network, near, far } => network.cut(near, far),
        }
    }

    fn mend(&self) {
        match self {
            Self::Cable(cable) => cable.mend(),
            Self::Hosts { network, near, far } => network.mend(near, far),
        }
    }
}

/// A test of each of these, in each way.
macro_rules! in_each_way {
    ($($fact:ident),* $(,)?) => {
        mod by_cables {
            $(#[test]
            fn $fact() {
                super::$fact(super::By::Cables);
            })*
        }

        mod by_hosts {
            $(#[test]
            fn $fact() {
                super::$fact(super::By::Hosts);
            })*
        }
    };
}

in_each_way! {
    a_replica_that_no_router_reaches_fails_no_search_and_has_its_share_again,
    a_shard_that_is_cut_off_is_named_and_comes_back_with_what_was_acknowledged,
    a_router_that_is_cut_off_from_the_coordination_store_goes_on_with_what_it_knows,
}

fn a_replica_that_no_router_reaches_fails_no_search_and_has_its_share_again(by: By) {
    let between = Between::here_and_there(by);
    let mut cluster = between.cluster(1);
    cluster.add_router(&["--dump-every", "never"]);
    cluster.start_primary(0);
    cluster.start_replica(0, 0);
    between.start_replica(&mut cluster, 0, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    cluster.dump(0, &index.name);
    cluster.roll_out(0, &index.name);
    let load = Load::start(&[cluster.client(0)], &index.name, 2, Freshness::Any);
    let go_on = |searches: u64| {
        let enough = load.searched() + searches;
        wait_until("searches go on", || load.searched() >= enough);
    };
    go_on(200);
    between.cut();
    wait_until("the replica is not asked", || is_any_left_out(&cluster));
    go_on(500);
    between.mend();
    wait_until_within(HEALS_WITHIN, "the replica is asked like the other", || !is_any_left_out(&cluster));
    go_on(500);
    let seen = load.stop().searched;
    assert_eq!(seen.failed, 0, "{:#?}", seen.failures);
    eprintln!("{by:?}: the slowest search took {:?}", seen.latencies.iter().max());
}

/// Whether the first router has a replica that it does not ask as it does the others.
fn is_any_left_out(cluster: &Cluster) -> bool {
    let page = cluster.client(0).get("/metrics").text;
    let mut states = page.lines().filter(|line| line.starts_with("annuli_replica_state{"));
    states.any(|line| line.ends_with(" 1") && !line.contains("\"sound\""))
}

/// What was said of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Acknowledged,
    /// It may be there, or come yet.
    Unknown,
    Refused,
}

fn fate(answer: &Answer) -> Fate {
    if answer.is_success() {
        return Fate::Acknowledged;
    }
    let error = &answer.json["error"];
    let of_shards = error["details"]["failed"].as_array();
    let failures: Vec<_> = of_shards.map_or(vec![error], |failed| failed.iter().map(|of| &of["error"]).collect());
    let is_without_effect = |failure: &&Value| {
        let failure: Failure = serde_json::from_value((*failure).clone()).unwrap();
        failure.effect() == Some(Effect::None)
    };
    if failures.iter().all(is_without_effect) { Fate::Refused } else { Fate::Unknown }
}

fn a_shard_that_is_cut_off_is_named_and_comes_back_with_what_was_acknowledged(by: By) {
    let between = Between::here_and_there(by);
    let mut cluster = between.cluster(2);
    cluster.add_router(&["--dump-every", "never"]);
    cluster.start_primary(0);
    between.start_primary(&mut cluster, 1);
    let index = Index::create(&cluster.client(0), &schema());
    index.store(&documents(100));
    between.cut();
    let quickly = json!({"vector": [0, 0], "limit": 100, "timeout_ms": 300});
    index.post("search", &quickly).refused(ErrorCode::DeadlineExceeded, "shard 1");
    let mut partial = quickly.clone();
    partial["allow_partial"] = json!(true);
    let reply = index.search(&partial);
    assert_eq!((reply.shards.successful, reply.shards.failed[0].shard), (1, 1));
    let write = |id: &str| {
        let documents = json!([{"id": id, "vector": [1, 1]}]);
        fate(&index.post("index", &json!({"documents": documents, "timeout_ms": 200})))
    };
    let fates: Vec<_> = (0..20).map(|number| format!("cut-{number}")).map(|id| (write(&id), id)).collect();
    for (fate, id) in &fates {
        let owner = shard_of(&DocId::new(id).unwrap(), ShardCount::new(2).unwrap());
        // The other shard has nothing to do with it.
        assert_eq!(*fate == Fate::Acknowledged, owner == ShardId(0), "{id} is {fate:?}");
    }
    between.mend();
    wait_until_within(HEALS_WITHIN, "the shard is searched", || index.post("search", &quickly).is_success());
    wait_until_within(HEALS_WITHIN, "the shard is written", || write("healed") == Fate::Acknowledged);
    for (fate, id) in fates {
        let found = index.post("documents", &json!({"ids": [id]})).ok()["documents"].as_array().unwrap().len();
        match fate {
            Fate::Acknowledged => assert_eq!(found, 1, "{id} was acknowledged"),
            Fate::Refused => assert_eq!(found, 0, "{id} was refused"),
            Fate::Unknown => {}
        }
    }
    index.store(&documents(200));
    assert!(count(&index, &json!({})) >= 200);
}

fn a_router_that_is_cut_off_from_the_coordination_store_goes_on_with_what_it_knows(by: By) {
    let between = Between::two_others(by);
    let cluster = match &between {
        Between::Cable(cable) => {
            let mut cluster = Cluster::over_etcd(1, 1);
            cluster.add_router_behind(cable);
            cluster
        }
        Between::Hosts { network, near, far } => {
            let mut cluster = Cluster::among_hosts(Some(Etcd::on(far)), 1);
            cluster.add_router(&["--dump-every", "never"]);
            cluster.add_router_on(near);
            cluster.start_primary_on(&network.here(), 0);
            cluster
        }
    };
    let (other, cut_off) = (cluster.client(0), cluster.client(1));
    let index = Index::create(&cut_off, &schema());
    index.store(&documents(50));
    between.cut();
    index.store(&documents(60));
    assert_eq!(count(&index, &json!({})), 60);
    cut_off.put("/v1/indexes/refused", &schema()).refused(ErrorCode::CoordinationUnavailable, "etcd");
    assert!(other.put("/v1/indexes/other", &schema()).is_success());
    let counts = |name: &str| Index::named(&cut_off, name).post("count", &json!({})).is_success();
    assert!(!counts("other"));
    between.mend();
    wait_until_within(HEALS_WITHIN, "it sees what has changed", || counts("other"));
    wait_until_within(HEALS_WITHIN, "it changes something", || {
        cut_off.put("/v1/indexes/refused", &schema()).is_success()
    });
    assert!(counts("refused"));
}

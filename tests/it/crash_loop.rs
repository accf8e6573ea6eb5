//! A server that is killed at random moments, under writes from several clients, has lost nothing that it
//! acknowledged, shows nothing half done, and answers searches as its rows say.

mod catalogue;
mod check;
mod deletion;
pub(crate) mod ledger;
pub(crate) mod operation;
mod writer;

use crate::model::plain::Schema;
use crate::model::seed;
use annuli_indexer::store::Store;
use annuli_tests::program::program;
use annuli_tests::wait::{PATIENCE, wait_until};
use annuli_tests::{Index, Launch, Server};
use ledger::Ledger;
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use writer::Writer;

/// Clients that write at the same time.
const WRITERS: usize = 4;

/// Documents that one of them minds. Together they are so many that searches walk the graph.
const DOCUMENTS: usize = 2_000;

const NAME: &str = "crash";
/// What the documents of a ledger fit into.
pub(crate) const SCHEMA: Schema = Schema { dim: 8, metric: "euclidean", shards: 2, scale: 1.0 };

/// How often the server is killed: `ANNULI_CRASHES`, else 50.
fn crashes() -> u64 {
    env::var("ANNULI_CRASHES").map_or(50, |text| text.parse().expect("ANNULI_CRASHES is a number"))
}

#[test]
fn nothing_acknowledged_is_lost_and_nothing_is_half_there() {
    let seed = seed::seed(1);
    let mut random = seed::random(seed, 0);
    // So few that every kill meets seals and merges.
    let mut server = Launch::new().variable("ANNULI_SEAL_POINTS", "50").start();
    let index = Index::create_named(&server.client(), NAME, &SCHEMA.to_json());
    let mut ledgers: Vec<_> = (0..WRITERS).map(|owner| Ledger::filled(&index, owner, DOCUMENTS, seed)).collect();
    let mut tally = ledger::Tally::default();
    for crash in 0..crashes() {
        tally.acknowledged += write_until_killed(&mut server, &mut ledgers, &mut random, seed, crash);
        if random.random_bool(0.2) {
            open_and_kill(server.workspace(), Duration::from_millis(random.random_range(0..200)));
        }
        server.restart();
        let index = Index::named(&server.client(), NAME);
        check::everything(&index, &mut ledgers, &mut random, &mut tally);
    }
    check_segments(&mut server);
    eprintln!("{} crashes: {tally:?}", crashes());
    assert!(tally.acknowledged > crashes(), "the server is killed while it works: {tally:?}");
    assert!(tally.in_flight_there + tally.in_flight_absent > 0, "the server is killed while it writes: {tally:?}");
}

/// Once nothing is left to build, the segments' folders hold what the stores know, and nothing besides.
fn check_segments(server: &mut Server) {
    let index = Index::named(&server.client(), NAME);
    wait_until("an index that is built", || index.info()["status"] == "ready");
    assert_eq!(server.sigterm().code(), Some(0));
    for shard in 0..SCHEMA.shards {
        let folder = server.workspace().join(NAME).join(shard.to_string());
        let (store, ..) = Store::open(&folder.join("db")).unwrap();
        let known: BTreeSet<_> = store.segments().unwrap().iter().map(|record| record.number.to_string()).collect();
        let entries = fs::read_dir(folder.join("segments")).unwrap();
        let there: BTreeSet<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert!(!known.is_empty() && there == known, "shard {shard} has {there:?}, its store knows {known:?}");
    }
}

/// Lets the writers write, kills the server some acknowledgements and a moment later, and tells how many there were.
fn write_until_killed(server: &mut Server, ledgers: &mut [Ledger], random: &mut StdRng, seed: u64, crash: u64) -> u64 {
    let client = server.client();
    let killed = AtomicBool::new(false);
    let (acknowledge, acknowledgements) = sync_channel(4096);
    thread::scope(|scope| {
        for (number, ledger) in (0..).zip(ledgers.iter_mut()) {
            let random = seed::random(seed, (crash + 1) * 100 + number);
            let mut writer = Writer::new(Index::named(&client, NAME), ledger, random);
            let (killed, acknowledge) = (&killed, acknowledge.clone());
            scope.spawn(move || writer.run(killed, &acknowledge));
        }
        drop(acknowledge);
        let seen = wait_for_some(&acknowledgements, 60, random);
        killed.store(true, Ordering::SeqCst);
        server.kill9();
        seen + acknowledgements.iter().count() as u64
    })
}

/// Waits for some acknowledgements and a moment longer, so that the kill meets every phase of a write.
fn wait_for_some(acknowledgements: &Receiver<()>, most: u64, random: &mut StdRng) -> u64 {
    let wanted = random.random_range(0..most);
    for _ in 0..wanted {
        acknowledgements.recv_timeout(PATIENCE).expect("the server goes on acknowledging");
    }
    wait(Duration::from_micros(random.random_range(0..30_000)));
    wanted
}

/// Waits for a message that nobody sends.
pub(crate) fn wait(duration: Duration) {
    let (_nobody, silence): (SyncSender<()>, _) = sync_channel(1);
    assert!(silence.recv_timeout(duration).is_err());
}

/// Starts a server and kills it a moment later, most often before it is ready.
fn open_and_kill(workspace: &Path, moment: Duration) {
    let mut child = Command::new(program())
        .args(["serve", "--listen", "127.0.0.1:0", "--workspace"])
        .arg(workspace)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait(moment);
    child.kill().unwrap();
    child.wait().unwrap();
}

//! Another process: this test program, started again to play a role over a folder.
//!
//! The child speaks in lines that start with `> `; what the test harness prints around them is skipped.

use crate::patience::{PATIENCE, soon};
use crate::stage::open;
use crate::words::{committed, key, seconds, value};
use annuli_coordination::election::{ElectionName, Terms};
use annuli_coordination::{Commit, Condition, CoordinationStore, Election, Key, Txn, Value};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

const ROLE: &str = "ANNULI_TEST_ROLE";
const FOLDER: &str = "ANNULI_TEST_FOLDER";

/// Lines of a child that wait to be read: more than a role says while nobody listens.
const LINES_MAX: usize = 100_000;

pub(crate) struct Child {
    process: std::process::Child,
    orders: ChildStdin,
    lines: Receiver<String>,
}

impl Child {
    /// Starts a child that plays `role`, one of those in [`play`], over the store in `folder`.
    pub(crate) fn start(role: &str, folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::a_child_plays_the_role_that_it_is_given", "--nocapture", "--test-threads", "1"])
            .env(ROLE, role)
            .env(FOLDER, folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let orders = process.stdin.take().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (says, lines) = sync_channel(LINES_MAX);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Some((_, said)) = line.split_once("> ") else { continue };
                if says.send(said.to_owned()).is_err() {
                    return;
                }
            }
        });
        Self { process, orders, lines }
    }

    /// Waits for what it says next.
    pub(crate) fn says(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("the child says something")
    }

    /// What it has said and nobody has read.
    pub(crate) fn has_said(&self) -> Vec<String> {
        self.lines.iter().collect()
    }

    pub(crate) fn tell(&mut self, order: &str) {
        writeln!(self.orders, "{order}").unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Ends it as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(crate) fn wait(&mut self) {
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already; and no process outlives its test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_child_plays_the_role_that_it_is_given() {
    let Ok(role) = std::env::var(ROLE) else {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Child::start("greet", folder.path());
        assert_eq!(child.says(), format!("hello from {}", child.process.id()));
        return child.wait();
    };
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap());
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(play(&role, &folder));
}

async fn play(role: &str, folder: &Path) {
    match role.split_once(' ') {
        None if role == "greet" => say(&format!("hello from {}", std::process::id())),
        None if role == "write" => write(folder).await,
        None if role == "lead" => lead(folder).await,
        None if role == "hold" => hold(folder).await,
        Some(("increment", times)) => increment(folder, times.parse().unwrap()).await,
        _ => panic!("nobody plays `{role}`"),
    }
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "> {line}").unwrap();
    output.flush().unwrap();
}

fn order() -> Option<String> {
    std::io::stdin().lines().next().map(Result::unwrap)
}

/// Counts up by one, so often.
async fn increment(folder: &Path, times: u32) {
    let store = open(folder);
    let mut done = 0;
    while done < times {
        let (condition, next) = next_count(&store).await;
        let txn = Txn::new().when(condition).put(counter(), next);
        if let Commit::Committed { .. } = store.commit(txn).await.unwrap() {
            done += 1;
        }
    }
}

pub(crate) fn counter() -> Key {
    key("counter")
}

async fn next_count(store: &dyn CoordinationStore) -> (Condition, Value) {
    let Some(entry) = store.get(&counter()).await.unwrap() else {
        return (Condition::KeyAbsent { key: counter() }, value("1"));
    };
    let count: u64 = std::str::from_utf8(entry.value.as_bytes()).unwrap().parse().unwrap();
    (Condition::KeyAt { key: counter(), revision: entry.revision }, value(&(count + 1).to_string()))
}

/// Writes numbers without end, and says each that was acknowledged.
async fn write(folder: &Path) {
    let store = open(folder);
    for number in 1_u64.. {
        // Of many lengths, so that a torn record is torn anywhere.
        let padding = usize::try_from(number * 7919 % 3000).unwrap();
        let text = format!("{number} {}", "x".repeat(padding));
        committed(&store, Txn::new().put(key("last"), value(&text))).await;
        say(&number.to_string());
    }
}

/// Holds a lease of an hour, with a key bound to it, until nobody listens.
async fn hold(folder: &Path) {
    let store = open(folder);
    let lease = store.grant(seconds(3600)).await.unwrap();
    committed(&store, Txn::new().put_leased(key("held"), value(""), lease.id)).await;
    say("holds");
    while order().is_some() {}
}

/// Leads, and then commits what it is told to.
async fn lead(folder: &Path) {
    let store: Arc<dyn CoordinationStore> = Arc::new(open(folder));
    let name = ElectionName::new("coordinator").unwrap();
    let terms = Terms { ttl: seconds(1), term: None, rest: Duration::from_millis(200) };
    let mut election = Election::new(store, name, "child", terms);
    let leadership = soon("the child to lead", election.campaign()).await.unwrap();
    say(&format!("leads in epoch {}", leadership.epoch()));
    while let Some(text) = order() {
        match leadership.commit(Txn::new().put(key("order"), value(&text))).await {
            Ok(Commit::Committed { .. }) => say("committed"),
            Ok(Commit::Conflict { which }) => say(&format!("conflict: {which}")),
            Err(error) => say(&format!("refused: {error}")),
        }
    }
}

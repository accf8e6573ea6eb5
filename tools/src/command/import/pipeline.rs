//! One thread that reads, several that send, and the caller who keeps the ledger.

use super::batches::{Batch, Batches};
use super::input::InputError;
use super::ledger::{Ledger, StoredRows};
use crate::client::{Client, ClientError};
use annuli_api::v1::document::{IndexReply, IndexRequest};
use annuli_core::IndexName;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};
use std::convert::Infallible;
use std::ops::Range;
use std::thread;
use std::time::Duration;

/// How often a batch is sent again to a server that is busy. With the waits it asks for, a minute or more.
const RETRIES_MAX: u32 = 20;

/// Wait before a batch is sent again, when the server does not say how long.
const WAIT_DEFAULT: Duration = Duration::from_secs(1);

/// Longest wait that is believed: beyond this somebody should look.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Why an import stopped before its end.
#[derive(Debug, thiserror::Error)]
#[error(
    "{cause}\nthe import has stopped: {stored}; rows that were on their way may be stored too. \
     Running the import again is harmless: a document replaces the one of the same id"
)]
pub struct Stopped {
    /// What happened.
    pub cause: StopCause,
    /// What is certain.
    pub stored: StoredRows,
}

/// What stopped an import.
#[derive(Debug, thiserror::Error)]
pub enum StopCause {
    /// A row cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A request failed, or was refused too often.
    #[error("rows {} to {}: {error}", rows.start, rows.end - 1)]
    Request {
        /// The rows of the request.
        rows: Range<u64>,
        /// Why.
        error: ClientError,
    },
}

enum Outcome {
    Stored { rows: Range<u64>, reply: IndexReply },
    Failed(StopCause),
}

/// Held by the caller and dropped by it to stop the threads; nothing is ever sent.
type Stop = Receiver<Infallible>;

/// Sends every batch, over as many connections at once. `watch` is called after each acknowledged batch. Before them
/// `ledger` says what has been stored by others.
pub(super) fn run(
    client: &Client,
    index: &IndexName,
    mut batches: Batches,
    connections: usize,
    mut ledger: Ledger,
    watch: &mut dyn FnMut(&Ledger),
) -> Result<Ledger, Box<Stopped>> {
    // A batch for each connection waits while one is on its way: the reader stays ahead, and memory stays bounded.
    let (queue, queued) = bounded::<Batch>(connections);
    let (report, outcomes) = bounded::<Outcome>(connections);
    let (go_on, stop) = bounded::<Infallible>(0);
    let mut go_on = Some(go_on);
    let mut failure = None;
    thread::scope(|scope| {
        for _ in 0..connections {
            let (queued, report, stop) = (queued.clone(), report.clone(), stop.clone());
            scope.spawn(move || send_batches(client, index, &queued, &report, &stop));
        }
        // The threads have the only ends now, so that each side notices when the other is gone.
        drop(queued);
        drop(stop);
        scope.spawn(move || read_batches(&mut batches, &queue, &report));
        for outcome in outcomes {
            match outcome {
                Outcome::Stored { rows, reply } => {
                    ledger.stored(&rows, &reply);
                    watch(&ledger);
                }
                Outcome::Failed(cause) => {
                    // The first counts; what others were sending ends, and is taken down if it succeeds.
                    failure.get_or_insert(cause);
                    go_on.take();
                }
            }
        }
    });
    match failure {
        None => Ok(ledger),
        Some(cause) => Err(Box::new(Stopped { cause, stored: ledger.stored_rows() })),
    }
}

fn read_batches(batches: &mut Batches, queue: &Sender<Batch>, report: &Sender<Outcome>) {
    loop {
        match batches.next() {
            Ok(Some(batch)) => {
                if queue.send(batch).is_err() {
                    return;
                }
            }
            Ok(None) => return,
            Err(error) => {
                // If nobody listens, there was a failure before this one.
                let _ = report.send(Outcome::Failed(error.into()));
                return;
            }
        }
    }
}

fn send_batches(client: &Client, index: &IndexName, queued: &Receiver<Batch>, report: &Sender<Outcome>, stop: &Stop) {
    for Batch { rows, documents } in queued {
        if stop.try_recv() == Err(TryRecvError::Disconnected) {
            return;
        }
        let request = IndexRequest { documents, timeout_ms: None };
        let (outcome, failed) = match send(client, index, &request, stop) {
            Ok(reply) => (Outcome::Stored { rows, reply }, false),
            Err(error) => (Outcome::Failed(StopCause::Request { rows, error }), true),
        };
        if report.send(outcome).is_err() || failed {
            return;
        }
    }
}

/// Sends one batch, again and again while the server is busy.
fn send(client: &Client, index: &IndexName, request: &IndexRequest, stop: &Stop) -> Result<IndexReply, ClientError> {
    let mut retries = 0;
    loop {
        let error = match client.index_documents(index, request) {
            Err(error) if error.is_transient() && retries < RETRIES_MAX => error,
            answer => return answer,
        };
        retries += 1;
        let wait = error.retry_after().unwrap_or(WAIT_DEFAULT).min(WAIT_MAX);
        tracing::info!("the server is busy, waiting {} s: {error}", wait.as_secs());
        if stop.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            return Err(error);
        }
    }
}

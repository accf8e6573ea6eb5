//! What etcd's watch tells, passed on transaction by transaction.

use super::failure::Failing;
use super::layout::Layout;
use super::line::Line;
use super::{lease_of, revision_of};
use crate::key::{Key, Value};
use crate::store::StoreError;
use crate::txn::Revision;
use crate::watch::{Arrivals, Change, Changes, WatchError};
use etcd_client::{Event, EventType, WatchResponse, WatchStream};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Passes on what comes until one side has enough.
pub(super) async fn pass_on(
    (mut stream, line): (WatchStream, Arc<Line>),
    layout: Layout,
    failing: Failing,
    after: Revision,
    arrivals: Arrivals,
) {
    let mut seen = after;
    loop {
        let message = tokio::select! {
            message = stream.message() => message.map_err(|error| failing.error(error)),
            () = line.left() => Err(failing.left()),
            () = arrivals.closed() => return,
        };
        let told = match message {
            Ok(Some(response)) => {
                line.hear();
                changes(&response, seen, &layout, &failing)
            }
            Ok(None) => Err(failing.silence().into()),
            Err(error) => Err(error.into()),
        };
        match told {
            Ok(changes) => {
                for changes in changes {
                    seen = changes.revision;
                    if arrivals.send(Ok(changes)).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                // Its reader may have left.
                let _ = arrivals.send(Err(error)).await;
                return;
            }
        }
    }
}

/// The transactions of one message, which holds each of them whole.
fn changes(
    response: &WatchResponse,
    seen: Revision,
    layout: &Layout,
    failing: &Failing,
) -> Result<Vec<Changes>, WatchError> {
    if response.compact_revision() > 0 {
        return Err(WatchError::Compacted { after: seen });
    }
    if response.canceled() {
        return Err(failing.silence().into());
    }
    let mut by_revision = BTreeMap::<Revision, BTreeMap<Key, Change>>::new();
    for event in response.events() {
        let (revision, change) = change(event, layout, failing)?;
        by_revision.entry(revision).or_default().insert(change.key().clone(), change);
    }
    let changes = by_revision.into_iter();
    Ok(changes.map(|(revision, changes)| Changes { revision, changes: changes.into_values().collect() }).collect())
}

fn change(event: &Event, layout: &Layout, failing: &Failing) -> Result<(Revision, Change), StoreError> {
    let stored = event.kv().ok_or_else(|| failing.silence())?;
    let key = layout.parse(stored.key()).map_err(|error| failing.foreign(error))?;
    let change = match event.event_type() {
        EventType::Put => {
            let value = Value::new(stored.value()).map_err(|error| failing.foreign(error))?;
            Change::Put { key, value, lease: lease_of(stored.lease()) }
        }
        EventType::Delete => Change::Delete { key },
    };
    Ok((revision_of(stored.mod_revision()), change))
}

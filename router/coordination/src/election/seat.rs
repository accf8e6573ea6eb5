//! The seat that candidates run for, as it stands in the store, and what a candidate does about it.

use crate::key::{InvalidKey, Key, Prefix, Value};
use crate::store::{Entry, Listing};
use crate::txn::{Condition, Revision};
use serde::{Deserialize, Serialize};
use std::fmt;
use tokio::time::Instant;

/// Counts the leaders of an election: each has a larger number than all before it, for as long as the store lives. Orders
/// carry it, so that who has heard a later one refuses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is elected for, by its keys in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionName {
    text: String,
    /// Who leads; bound to the leader's lease.
    pub(super) leader: Key,
    /// The last epoch; never deleted.
    pub(super) epoch: Key,
    pub(super) prefix: Prefix,
}

impl ElectionName {
    /// A name for an election, such as `coordinator`.
    pub fn new(text: &str) -> Result<Self, InvalidKey> {
        Key::new(text)?;
        Ok(Self {
            text: text.to_owned(),
            leader: Key::new(&format!("elections/{text}/leader"))?,
            epoch: Key::new(&format!("elections/{text}/epoch"))?,
            prefix: Prefix::new(&format!("elections/{text}/"))?,
        })
    }
}

impl fmt::Display for ElectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leader {
    /// The process, in its own words.
    pub candidate: String,
    /// Since which election.
    pub epoch: Epoch,
}

/// How an election stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who leads, if somebody does.
    pub leader: Option<Leader>,
    /// The last epoch that somebody led in; 0 before the first.
    pub epoch: Epoch,
    pub(super) leader_revision: Option<Revision>,
    pub(super) epoch_revision: Option<Revision>,
}

/// A record of an election that no release has written.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{key}` in the coordination store cannot be read ({reason}): who leads can be deleted; where the last epoch belongs, \
     write {{\"epoch\": N}} with an N beyond every epoch in the logs"
)]
pub struct UnreadableRecord {
    key: Key,
    #[source]
    reason: serde_json::Error,
}

#[derive(Serialize, Deserialize)]
struct LastEpoch {
    epoch: Epoch,
}

impl Standing {
    pub(super) fn read(name: &ElectionName, listing: &Listing) -> Result<Self, UnreadableRecord> {
        let entry = |wanted: &Key| listing.entries.iter().find(|(key, _)| key == wanted).map(|(_, entry)| entry);
        let (leader, epoch) = (entry(&name.leader), entry(&name.epoch));
        let leader_record = leader.map(|entry| parse::<Leader>(&name.leader, entry)).transpose()?;
        let last = epoch.map(|entry| parse::<LastEpoch>(&name.epoch, entry)).transpose()?;
        let last = last.map_or(Epoch(0), |last| last.epoch);
        Ok(Self {
            epoch: leader_record.as_ref().map_or(last, |leader| leader.epoch.max(last)),
            leader: leader_record,
            leader_revision: leader.map(|entry| entry.revision),
            epoch_revision: epoch.map(|entry| entry.revision),
        })
    }

    /// That nobody has been elected since.
    pub(super) fn unchanged(&self, name: &ElectionName) -> Condition {
        let key = name.epoch.clone();
        self.epoch_revision
            .map_or(Condition::KeyAbsent { key: key.clone() }, |revision| Condition::KeyAt { key, revision })
    }

    /// What is written for the one that comes next.
    pub(super) fn next(&self, candidate: &str) -> (Leader, Value, Value) {
        let epoch = Epoch(self.epoch.0 + 1);
        let leader = Leader { candidate: candidate.to_owned(), epoch };
        let (leader_value, epoch_value) = (json(&leader), json(&LastEpoch { epoch }));
        (leader, leader_value, epoch_value)
    }
}

fn parse<'a, T: Deserialize<'a>>(key: &Key, entry: &'a Entry) -> Result<T, UnreadableRecord> {
    serde_json::from_slice(entry.value.as_bytes()).map_err(|reason| UnreadableRecord { key: key.clone(), reason })
}

fn json(record: &impl Serialize) -> Value {
    let bytes = serde_json::to_vec(record).expect("a text and a number");
    Value::new(&bytes).expect("the name of a candidate is short")
}

/// What a candidate does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// Tries to take the seat.
    Run,
    /// Waits until something changes, or until then.
    Wait { until: Option<Instant> },
}

/// A seat that is taken is waited for. Who has led lets the others go first until it has rested.
pub(super) fn next_move(standing: &Standing, rested_at: Option<Instant>, now: Instant) -> Move {
    match rested_at {
        _ if standing.leader.is_some() => Move::Wait { until: None },
        Some(at) if now < at => Move::Wait { until: Some(at) },
        Some(_) | None => Move::Run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn standing(leader: Option<&str>) -> Standing {
        let leader = leader.map(|name| Leader { candidate: name.to_owned(), epoch: Epoch(4) });
        let revision = leader.as_ref().map(|_| Revision(9));
        Standing { leader, epoch: Epoch(4), leader_revision: revision, epoch_revision: Some(Revision(9)) }
    }

    #[test]
    fn a_vacant_seat_is_run_for_and_a_taken_one_waited_for() {
        let now = Instant::now();
        assert_eq!(next_move(&standing(None), None, now), Move::Run);
        assert_eq!(next_move(&standing(Some("a")), None, now), Move::Wait { until: None });
    }

    #[test]
    fn who_has_led_rests_before_it_runs_again() {
        let now = Instant::now();
        let rested_at = now + Duration::from_secs(2);
        assert_eq!(next_move(&standing(None), Some(rested_at), now), Move::Wait { until: Some(rested_at) });
        assert_eq!(next_move(&standing(Some("b")), Some(rested_at), now), Move::Wait { until: None });
        assert_eq!(next_move(&standing(None), Some(rested_at), rested_at), Move::Run);
    }

    #[test]
    fn the_next_epoch_is_one_more_than_the_last_also_when_nobody_leads() {
        let (leader, record, last) = standing(None).next("b");
        assert_eq!(leader, Leader { candidate: "b".to_owned(), epoch: Epoch(5) });
        assert_eq!(record.as_bytes(), br#"{"candidate":"b","epoch":5}"#);
        assert_eq!(last.as_bytes(), br#"{"epoch":5}"#);
    }

    #[test]
    fn an_election_is_read_from_its_own_two_keys() {
        let name = ElectionName::new("coordinator").unwrap();
        let entry = |text: &str, revision| Entry {
            value: Value::new(text.as_bytes()).unwrap(),
            revision: Revision(revision),
            lease: None,
        };
        let other = Key::new("elections/coordinator/else/leader").unwrap();
        let entries = vec![
            (other, entry("no JSON", 8)),
            (name.epoch.clone(), entry(r#"{"epoch":4}"#, 9)),
            (name.leader.clone(), entry(r#"{"candidate":"a","epoch":4}"#, 9)),
        ];
        let listing = Listing { revision: Revision(20), entries };
        assert_eq!(Standing::read(&name, &listing).unwrap(), standing(Some("a")));
    }

    #[test]
    fn a_record_that_cannot_be_read_is_named() {
        let name = ElectionName::new("coordinator").unwrap();
        let entry = Entry { value: Value::new(b"{").unwrap(), revision: Revision(1), lease: None };
        let listing = Listing { revision: Revision(1), entries: vec![(name.epoch.clone(), entry)] };
        let error = Standing::read(&name, &listing).unwrap_err().to_string();
        assert!(error.contains("`elections/coordinator/epoch` in the coordination store cannot be read"), "{error}");
    }
}

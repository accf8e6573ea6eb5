//! The replicas that could not answer a request, and what is said of them if the primary cannot either.

use crate::set::ReplicaSet;
use crate::verdict::Verdict;
use annuli_api::Failure;
use serde_json::json;

/// Why the primary was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    /// No replica was left that might be.
    AllWereUnable,
    /// None had answered for too long.
    AllWereLate,
}

/// The replicas of a set that were asked and were unable, by their places. Empty for nearly every request, and then it
/// takes no memory.
#[derive(Debug, Default)]
pub(crate) struct Unable(Vec<(usize, Failure)>);

impl Unable {
    pub(crate) fn add(&mut self, place: usize, failure: Failure) {
        self.0.push((place, failure));
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        self.of(place).is_some()
    }

    fn of(&self, place: usize) -> Option<&Failure> {
        self.0.iter().find(|(unable, _)| *unable == place).map(|(_, failure)| failure)
    }

    /// The failure of a request that neither they nor the primary answered. What the primary refuses anybody would.
    pub(crate) fn and_primary(&self, set: &ReplicaSet, primary: Failure, since: Since) -> Failure {
        if set.replicas.is_empty() || Verdict::of_failure(primary.code).is_good() {
            return primary;
        }
        let replicas =
            || set.replicas.iter().enumerate().map(|(place, replica)| (replica.health.name(), self.of(place)));
        let reasons: Vec<_> = replicas()
            .map(|(name, failure)| match (failure, since) {
                (Some(failure), _) => format!("replica {name}: {failure}"),
                (None, Since::AllWereUnable) => {
                    format!("replica {name} was not asked, for it failed or was slow lately")
                }
                (None, Since::AllWereLate) => {
                    format!("replica {name} did not answer in time, or was not asked, for it failed or was slow lately")
                }
            })
            .collect();
        let message = format!("neither a replica nor the primary answered: {}; primary: {primary}", reasons.join("; "));
        let named: Vec<_> = replicas().map(|(name, failure)| json!({"replica": name, "error": failure})).collect();
        Failure { message, ..primary }.with("replicas", named)
    }
}

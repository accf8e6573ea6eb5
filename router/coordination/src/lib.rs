//! The store of shared truth that Annuli's processes coordinate through, and what is built on it.
//!
//! [`CoordinationStore`] is the seam: versioned keys with transactions, watches and leases. [`EmbeddedStore`] is a folder
//! that the processes of one host share; with the feature `etcd`, `EtcdStore` serves several hosts. One suite of tests
//! holds for both. [`Election`] finds the one process that coordinates, and its orders carry the proof that it still does.

pub mod limits;

pub mod key;
pub mod lease;
pub mod store;
pub mod txn;
pub mod watch;

pub mod clock;
pub mod embedded;
#[cfg(feature = "etcd")]
pub mod etcd;

pub mod election;

pub use clock::{Clock, SystemClock};
pub use election::{Election, Epoch, Leadership};
pub use embedded::{EmbeddedSettings, EmbeddedStore};
#[cfg(feature = "etcd")]
pub use etcd::EtcdStore;
pub use key::{Key, Prefix, Value};
pub use lease::{Kept, KeptLease, Lease, LeaseId, Ttl};
pub use store::{CommitError, CoordinationStore, Entry, Listing, StoreError, Unavailable, Uncertain};
pub use txn::{Commit, Condition, Revision, Txn};
pub use watch::{Arrivals, Change, Changes, Watch, WatchError};

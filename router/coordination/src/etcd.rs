//! The store of several hosts: an etcd that somebody runs, 3.4 or later.
//!
//! ```text
//! <root>keys/<key>        the keys
//! <root>leases/<lease>    one key for each lease that was granted here, bound to it: it stands there as long as the lease
//! ```
//!
//! What etcd guarantees is what the trait asks for: transactions are serialised by Raft and durable on a majority, reads
//! are linearisable, a watch misses nothing. Its leases end by etcd's clock, at some time after their ttl. What is not
//! known to be done (the connection broke, nobody answered in time) is an [`Uncertain`](crate::store::Uncertain) commit: it
//! is sent once, and whoever looks again is told what became of it. All else is asked of one member, of another as well each
//! second, and over another connection where nothing is heard over one; the first answer counts.

mod failure;
mod layout;
mod line;
mod members;
mod watching;

use crate::key::{Key, Prefix, Value};
use crate::lease::{Kept, Lease, LeaseId, Ttl};
use crate::limits::WATCH_QUEUE_MAX;
use crate::store::{CommitError, CoordinationStore, Entry, Listing, StoreError};
use crate::txn::{Commit, Condition, Revision, Txn, Write};
use crate::watch::Watch;
use async_trait::async_trait;
pub use etcd_client::{Certificate, Identity, TlsOptions};
use etcd_client::{
    Compare, CompareOp, ConnectOptions, Error, GetOptions, GetResponse, KeyValue, PutOptions, ResponseHeader, TxnOp,
    TxnOpResponse, WatchOptions,
};
use failure::Failing;
use layout::Layout;
use line::Clients;
use members::Members;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a connection may take to be made: one that was begun while packets were lost is made sooner by another one.
const CONNECT: Duration = Duration::from_secs(1);

/// Between two questions whether the connection still is one. etcd refuses clients that ask more often than every five.
const PROBE: Duration = Duration::from_secs(6);

/// How long the answer to such a question may take.
const PROBE_ANSWER: Duration = Duration::from_secs(2);

/// Keys of one page of a listing: with the largest values, a hundred mebibytes.
const PAGE_KEYS: i64 = 100;

/// What may be chosen about a connection to etcd.
#[derive(Clone, Default)]
pub struct EtcdSettings {
    /// Name and password, where etcd asks for them.
    pub user: Option<(String, String)>,
    /// Certificates, for `https` endpoints.
    pub tls: Option<TlsOptions>,
}

/// The store of several hosts.
#[derive(Clone)]
pub struct EtcdStore {
    failing: Failing,
    layout: Layout,
    members: Arc<Members>,
}

impl EtcdStore {
    /// Connects to the members of one etcd, each `http://host:port` or `https://host:port`. Everything is kept under keys
    /// that start with `root`, so that others may use the same etcd; `root` ends with `/`. The first request finds out
    /// whether somebody answers.
    pub async fn connect(endpoints: &[String], root: &Prefix, settings: EtcdSettings) -> Result<Self, StoreError> {
        let failing = Failing::of(endpoints);
        let mut options = ConnectOptions::new()
            .with_connect_timeout(CONNECT)
            .with_keep_alive(PROBE, PROBE_ANSWER)
            .with_keep_alive_while_idle(true)
            // A member that is cut off from the others must not leave its watches waiting.
            .with_require_leader(true);
        if let Some((name, password)) = settings.user {
            options = options.with_user(name, password).with_auto_token_refresh(true);
        }
        if let Some(tls) = settings.tls {
            options = options.with_tls(tls);
        }
        let members = Members::connect(endpoints, &options).await.map_err(|error| failing.error(error))?;
        Ok(Self { failing, layout: Layout::under(root), members: Arc::new(members) })
    }

    async fn range(&self, key: Vec<u8>, options: GetOptions) -> Result<GetResponse, StoreError> {
        let (key, options) = (&key, &options);
        let range = |asked: Clients| async move { asked.keys().get(key.clone(), Some(options.clone())).await };
        self.failing.read(self.members.ask(range).await)
    }

    fn entry(&self, stored: &KeyValue) -> Result<Entry, StoreError> {
        let value = Value::new(stored.value()).map_err(|error| self.failing.foreign(error))?;
        Ok(Entry { value, revision: revision_of(stored.mod_revision()), lease: lease_of(stored.lease()) })
    }

    fn compare(&self, condition: &Condition) -> Compare {
        match condition {
            Condition::KeyAt { key, revision } => {
                Compare::mod_revision(self.layout.key(key), CompareOp::Equal, number(revision.0))
            }
            Condition::KeyAbsent { key } => Compare::version(self.layout.key(key), CompareOp::Equal, 0),
            Condition::LeaseHolds(lease) => Compare::version(self.layout.lease(*lease), CompareOp::Greater, 0),
        }
    }

    /// What tells, after a conflict, whether the condition was the one that did not hold.
    fn look(&self, condition: &Condition) -> TxnOp {
        let key = match condition {
            Condition::KeyAt { key, .. } | Condition::KeyAbsent { key } => self.layout.key(key),
            Condition::LeaseHolds(lease) => self.layout.lease(*lease),
        };
        TxnOp::get(key, Some(GetOptions::new().with_keys_only()))
    }

    fn operation(&self, key: &Key, write: &Write) -> TxnOp {
        let key = self.layout.key(key);
        match write {
            Write::Put { value, lease } => {
                let options = lease.map(|lease| PutOptions::new().with_lease(number(lease.0)));
                TxnOp::put(key, value.as_bytes(), options)
            }
            Write::Delete => TxnOp::delete(key, None),
        }
    }
}

#[async_trait]
impl CoordinationStore for EtcdStore {
    async fn get(&self, key: &Key) -> Result<Option<Entry>, StoreError> {
        let found = self.range(self.layout.key(key), GetOptions::new()).await?;
        found.kvs().first().map(|stored| self.entry(stored)).transpose()
    }

    async fn list(&self, prefix: &Prefix) -> Result<Listing, StoreError> {
        let (mut from, end) = self.layout.range(prefix);
        let mut revision = 0;
        let mut entries = Vec::new();
        loop {
            // All pages as of the first one; 0 is now.
            let options = GetOptions::new().with_range(end.clone()).with_limit(PAGE_KEYS).with_revision(revision);
            let page = self.range(from.clone(), options).await?;
            if revision == 0 {
                revision = header_revision(page.header());
            }
            for stored in page.kvs() {
                let key = self.layout.parse(stored.key()).map_err(|error| self.failing.foreign(error))?;
                entries.push((key, self.entry(stored)?));
            }
            match page.kvs().last() {
                Some(last) if page.more() => from = [last.key(), &[0]].concat(),
                _ => return Ok(Listing { revision: revision_of(revision), entries }),
            }
        }
    }

    async fn commit(&self, txn: Txn) -> Result<Commit, CommitError> {
        txn.check_size()?;
        let conditions = txn.conditions();
        let asked = etcd_client::Txn::new()
            .when(conditions.iter().map(|condition| self.compare(condition)).collect::<Vec<_>>())
            .and_then(txn.writes().iter().map(|(key, write)| self.operation(key, write)).collect::<Vec<_>>())
            .or_else(conditions.iter().map(|condition| self.look(condition)).collect::<Vec<_>>());
        let asked = &asked;
        let answer =
            self.members.ask_once(|member: Clients| async move { member.keys().txn(asked.clone()).await }).await;
        if let Ok(Err(error)) = &answer
            && failure::is_missing_lease(error)
            && let Some(which) = conditions.iter().find(|condition| matches!(condition, Condition::LeaseHolds(_)))
        {
            // It is ending at this moment: its key stands there still.
            return Ok(Commit::Conflict { which: which.clone() });
        }
        let answer = self.failing.change(answer)?;
        if answer.succeeded() {
            return Ok(Commit::Committed { revision: revision_of(header_revision(answer.header())) });
        }
        let looks = answer.op_responses();
        let failed = conditions.into_iter().zip(&looks).find(|(condition, look)| !held(condition, look));
        match failed {
            Some((which, _)) => Ok(Commit::Conflict { which }),
            None => Err(self.failing.foreign(NoReason).into()),
        }
    }

    async fn watch(&self, prefix: Prefix, after: Revision) -> Result<Watch, StoreError> {
        let (from, end) = self.layout.range(&prefix);
        let options = WatchOptions::new().with_range(end).with_start_revision(number(after.0.saturating_add(1)));
        let (from, options) = (&from, &options);
        let watch = |asked: Clients| async move {
            let stream = asked.watches().watch(from.clone(), Some(options.clone())).await?;
            Ok((stream, asked.line()))
        };
        let watched = self.failing.read(self.members.ask(watch).await)?;
        let (arrivals, watch) = mpsc::channel(WATCH_QUEUE_MAX);
        tokio::spawn(watching::pass_on(watched, self.layout.clone(), self.failing.clone(), after, arrivals));
        Ok(Watch::new(watch))
    }

    async fn grant(&self, ttl: Ttl) -> Result<Lease, StoreError> {
        let seconds = number(ttl.duration().as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX));
        // Of one that nobody has heard of, nothing is bound to it: it ends by itself.
        let granted = self.members.ask(|asked: Clients| async move { asked.leases().grant(seconds, None).await }).await;
        let granted = self.failing.change(granted)?;
        let seconds = u64::try_from(granted.ttl()).unwrap_or_default();
        // etcd raises a ttl that is shorter than its own elections.
        let ttl = Ttl::new(Duration::from_secs(seconds)).map_err(|error| self.failing.foreign(error))?;
        let id = lease_of(granted.id()).ok_or_else(|| self.failing.foreign(NoReason))?;
        let (key, options) = (&self.layout.lease(id), &PutOptions::new().with_lease(granted.id()));
        let put = |asked: Clients| async move { asked.keys().put(key.clone(), [], Some(options.clone())).await };
        // Without its key the lease is of no use, and ends by itself.
        self.failing.change(self.members.ask(put).await)?;
        Ok(Lease { id, ttl })
    }

    async fn keep_alive(&self, lease: LeaseId) -> Result<Kept, StoreError> {
        self.failing.read(self.members.ask(|asked: Clients| keep_alive(asked, lease)).await)
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), StoreError> {
        let lease = number(lease.0);
        let revoked = self.members.ask(|asked: Clients| async move { asked.leases().revoke(lease).await }).await;
        if let Ok(Err(error)) = &revoked
            && failure::is_missing_lease(error)
        {
            return Ok(());
        }
        self.failing.change(revoked).map(|_| ())
    }
}

async fn keep_alive(asked: Clients, lease: LeaseId) -> Result<Kept, Error> {
    let lease = number(lease.0);
    let broken = match asked.leases().keep_alive(lease).await {
        Ok(_) => return Ok(Kept::Alive),
        Err(error @ Error::LeaseKeepAliveError(_)) => error,
        Err(error) => return Err(error),
    };
    // That is what the client says of a lease that has ended, but also of a broken connection.
    let found = asked.leases().time_to_live(lease, None).await?;
    if found.ttl() < 0 { Ok(Kept::Ended) } else { Err(broken) }
}

/// Whether the condition held, by what a look at its key has found.
fn held(condition: &Condition, look: &TxnOpResponse) -> bool {
    let found = match look {
        TxnOpResponse::Get(found) => found.kvs().first().map(KeyValue::mod_revision),
        TxnOpResponse::Put(_) | TxnOpResponse::Delete(_) | TxnOpResponse::Txn(_) => None,
    };
    match condition {
        Condition::KeyAt { revision, .. } => found == Some(number(revision.0)),
        Condition::KeyAbsent { .. } => found.is_none(),
        Condition::LeaseHolds(_) => found.is_some(),
    }
}

/// etcd's numbers are signed and never negative.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn revision_of(number: i64) -> Revision {
    Revision(u64::try_from(number).unwrap_or_default())
}

fn header_revision(header: Option<&ResponseHeader>) -> i64 {
    header.map_or(0, ResponseHeader::revision)
}

fn lease_of(number: i64) -> Option<LeaseId> {
    u64::try_from(number).ok().filter(|number| *number != 0).map(LeaseId)
}

/// An answer that contradicts itself.
#[derive(Debug, thiserror::Error)]
#[error("its answer makes no sense: is it an etcd of release 3.4 or later?")]
struct NoReason;

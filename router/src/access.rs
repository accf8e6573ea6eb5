//! Who may ask for what: keys, each with a role.
//!
//! A key is known by its SHA-256 alone. Whether one is right is said by comparing digests, all of them and in constant
//! time, so that no answer tells how near a guess was.

mod key;

pub use key::{InvalidKey, Key, Keys};

use annuli_api::{ErrorCode, Failure};
use arc_swap::ArcSwap;
use std::fmt;
use std::sync::Arc;

/// What a key lets its holder do. Each role may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Search and read documents, and look at how things are.
    Read,
    /// Store, change and remove documents.
    Write,
    /// Manage indexes, aliases, dumps, rollouts and the cluster.
    Admin,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// No key: who watches whether the process runs has none.
    Nothing,
    /// A key of that role, or of one that may do more.
    Role(Role),
    /// What the operator says of metrics.
    Metrics,
}

/// Who is let in.
#[derive(Debug, Clone, Default)]
pub enum Access {
    /// Whoever reaches the server.
    #[default]
    Open,
    /// Who has a key.
    Keys {
        /// The keys that there are.
        ring: Arc<KeyRing>,
        /// What metrics need.
        metrics: MetricsAccess,
    },
}

/// Who may read the metrics of a server that has keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsAccess {
    /// Whoever reaches the server.
    Open,
    /// Who has a key that may read.
    Read,
}

/// Keys that can be replaced while requests come in.
#[derive(Debug)]
pub struct KeyRing(ArcSwap<Keys>);

impl KeyRing {
    /// A ring of these keys.
    pub fn new(keys: Keys) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(keys)))
    }

    /// From now on these keys are asked for, and no others.
    pub fn replace(&self, keys: Keys) {
        self.0.store(Arc::new(keys));
    }
}

/// Who asks: the key that was shown.
#[derive(Debug, Clone)]
pub struct Caller(Key);

impl Caller {
    /// What the key is called.
    pub fn name(&self) -> &str {
        self.0.name()
    }
}

impl Access {
    /// The role that is needed, if any is.
    pub fn role(&self, needs: Needs) -> Option<Role> {
        match (self, needs) {
            (_, Needs::Nothing) | (Self::Keys { metrics: MetricsAccess::Open, .. }, Needs::Metrics) => None,
            (_, Needs::Role(role)) => Some(role),
            (Self::Open | Self::Keys { metrics: MetricsAccess::Read, .. }, Needs::Metrics) => Some(Role::Read),
        }
    }

    /// Lets in who has `key`, as the request presented it, or says why not. Nobody is named where nobody is asked.
    ///
    /// # Errors
    /// `unauthenticated` without a key of this server, `forbidden` with one that may not do this.
    pub fn admit(&self, key: Option<&[u8]>, needs: Needs) -> Result<Option<Caller>, Failure> {
        let (Self::Keys { ring, .. }, Some(needed)) = (self, self.role(needs)) else { return Ok(None) };
        let Some(key) = key else {
            let message = "this server asks for a key: send one with the header `authorization: Bearer KEY`";
            return Err(Failure::new(ErrorCode::Unauthenticated, message));
        };
        let keys = ring.0.load();
        let Some(key) = keys.find(key) else {
            let message = "this key is none of this server's: it may have been replaced";
            return Err(Failure::new(ErrorCode::Unauthenticated, message));
        };
        if key.role() < needed {
            let message = format!("key `{}` has the role {}, this needs {needed}", key.name(), key.role());
            let failure = Failure::new(ErrorCode::Forbidden, message);
            let failure = failure.with("key", &**key.name());
            return Err(failure.with("needs", needed.name()).with("has", key.role().name()));
        }
        Ok(Some(Caller(key.clone())))
    }

    /// Returns whether a caller who was let in would be once more: keys are replaced while answers go on. A key that has
    /// another text by now is another key, whatever it is called.
    pub fn still_admits(&self, caller: Option<&Caller>, role: Role) -> bool {
        match self {
            Self::Open => true,
            Self::Keys { ring, .. } => caller.is_some_and(|Caller(key)| ring.0.load().role_of(key) >= Some(role)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: &[(&str, Role, &str)]) -> Keys {
        Keys::new(of.iter().map(|(name, role, text)| Key::new(name, *role, text).unwrap()).collect()).unwrap()
    }

    fn access() -> (Access, Arc<KeyRing>) {
        let ring = KeyRing::new(keys(&[
            ("reader", Role::Read, "read-read-read-read"),
            ("writer", Role::Write, "write-write-write-w"),
            ("root", Role::Admin, "admin-admin-admin-a"),
        ]));
        (Access::Keys { ring: Arc::clone(&ring), metrics: MetricsAccess::Read }, ring)
    }

    #[track_caller]
    fn check(access: &Access, key: Option<&str>, needs: Needs, want: Result<&str, &str>) {
        let admitted = access.admit(key.map(str::as_bytes), needs);
        let got = admitted.map(|caller| caller.map_or_else(String::new, |caller| caller.name().to_owned()));
        let got = got.map_err(|failure| format!("{}: {}", failure.code, failure.message));
        assert_eq!(got.as_deref().map_err(|message| message.split(':').next().unwrap()), want, "{got:?}");
    }

    #[test]
    fn a_role_may_do_what_those_before_it_may() {
        let (access, _) = access();
        let keys =
            [("reader", "read-read-read-read"), ("writer", "write-write-write-w"), ("root", "admin-admin-admin-a")];
        for (needed, role) in Role::ALL.into_iter().enumerate() {
            for (has, (name, text)) in keys.into_iter().enumerate() {
                let want = if has >= needed { Ok(name) } else { Err("forbidden") };
                check(&access, Some(text), Needs::Role(role), want);
            }
        }
    }

    #[test]
    fn a_stranger_is_let_in_nowhere_but_where_nobody_is_asked() {
        let (access, _) = access();
        for key in [None, Some(""), Some("read-read-read-reae"), Some("read-read-read-read ")] {
            for role in Role::ALL {
                check(&access, key, Needs::Role(role), Err("unauthenticated"));
            }
            check(&access, key, Needs::Metrics, Err("unauthenticated"));
            check(&access, key, Needs::Nothing, Ok(""));
        }
    }

    #[test]
    fn a_refusal_names_the_role_that_is_needed() {
        let (access, _) = access();
        let failure = access.admit(Some(b"read-read-read-read"), Needs::Role(Role::Admin)).unwrap_err();
        assert_eq!(failure.message, "key `reader` has the role read, this needs admin");
        assert_eq!((&failure.details["needs"], &failure.details["has"]), (&"admin".into(), &"read".into()));
    }

    #[test]
    fn metrics_are_open_where_the_operator_says_so() {
        let (_, ring) = access();
        let access = Access::Keys { ring, metrics: MetricsAccess::Open };
        check(&access, None, Needs::Metrics, Ok(""));
        check(&access, None, Needs::Role(Role::Read), Err("unauthenticated"));
    }

    #[test]
    fn keys_that_were_replaced_open_nothing() {
        let (access, ring) = access();
        ring.replace(keys(&[("newer", Role::Read, "another-key-altogether")]));
        check(&access, Some("admin-admin-admin-a"), Needs::Role(Role::Read), Err("unauthenticated"));
        check(&access, Some("another-key-altogether"), Needs::Role(Role::Read), Ok("newer"));
    }

    #[test]
    fn a_caller_is_known_by_the_key_and_not_by_its_name() {
        let (access, ring) = access();
        let shown = Some(&b"read-read-read-read"[..]);
        let caller = access.admit(shown, Needs::Role(Role::Read)).unwrap();
        let still = |role| access.still_admits(caller.as_ref(), role);
        assert_eq!(Role::ALL.map(still), [true, false, false]);
        ring.replace(keys(&[("other", Role::Write, "read-read-read-read")]));
        assert_eq!(Role::ALL.map(still), [true, true, false]);
        ring.replace(keys(&[("reader", Role::Admin, "another-key-altogether")]));
        assert_eq!(Role::ALL.map(still), [false; 3]);
        assert!(!access.still_admits(None, Role::Read));
        assert!(Access::Open.still_admits(None, Role::Admin));
    }
}

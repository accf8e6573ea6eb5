//! What every process of a cluster has: the coordination store, and the secret that its peers know.

use crate::cli::ClusterArgs;
use annuli_coordination::{CoordinationStore, EmbeddedSettings, EmbeddedStore, StoreError, SystemClock};
use annuli_wire::ClusterSecret;
use annuli_wire::secret::InvalidSecret;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a process cannot join its cluster.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The coordination store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file of the secret cannot be read.
    #[error("cannot read the cluster's secret from `{}`: {reason}", path.display())]
    SecretFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// What is in it is no secret.
    #[error("`{}`: {reason}", path.display())]
    Secret {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: InvalidSecret,
    },
}

/// The place of a process in its cluster.
pub struct Membership {
    /// What all of its processes agree by.
    pub store: Arc<dyn CoordinationStore>,
    /// How they know each other.
    pub secret: Option<ClusterSecret>,
}

impl Membership {
    /// Opens the coordination store and reads the secret.
    pub fn open(args: &ClusterArgs) -> Result<Self, MembershipError> {
        let clock = Arc::new(SystemClock::new());
        let store = EmbeddedStore::open(&args.coordination, EmbeddedSettings::default(), clock)?;
        Ok(Self { store: Arc::new(store), secret: secret(args)? })
    }
}

fn secret(args: &ClusterArgs) -> Result<Option<ClusterSecret>, MembershipError> {
    let Some(path) = args.cluster_secret_file.clone() else { return Ok(None) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(reason) => return Err(MembershipError::SecretFile { path, reason }),
    };
    // Editors end a file with a line break, which is no part of the secret.
    let secret = ClusterSecret::new(text.trim_end()).map_err(|reason| MembershipError::Secret { path, reason })?;
    Ok(Some(secret))
}

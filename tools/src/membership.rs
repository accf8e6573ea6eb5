//! What every process of a cluster has: the coordination store, and the secret that its peers know.

use crate::cli::{ClusterArgs, CoordinationPlace};
use annuli_coordination::etcd::EtcdSettings;
use annuli_coordination::{
    CoordinationStore, EmbeddedSettings, EmbeddedStore, EtcdStore, Prefix, StoreError, SystemClock,
};
use annuli_wire::ClusterSecret;
use annuli_wire::secret::InvalidSecret;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Begins all keys of a cluster, so that others may use the same etcd.
const ETCD_ROOT: &str = "annuli/";

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
    /// Nobody has said where it is.
    #[error("say with --coordination where the cluster's coordination store is, or with --topology which file says so")]
    Nowhere,
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
    /// Opens the coordination store, for a process that has [read](secret) its secret.
    pub async fn open(args: &ClusterArgs, secret: Option<ClusterSecret>) -> Result<Self, MembershipError> {
        let store: Arc<dyn CoordinationStore> = match args.coordination.as_ref().ok_or(MembershipError::Nowhere)? {
            CoordinationPlace::Folder(folder) => {
                let clock = Arc::new(SystemClock::new());
                Arc::new(EmbeddedStore::open(folder, EmbeddedSettings::default(), clock)?)
            }
            CoordinationPlace::Etcd(members) => {
                let root = Prefix::new(ETCD_ROOT).expect("a short word");
                Arc::new(EtcdStore::connect(members, &root, EtcdSettings::default()).await?)
            }
        };
        Ok(Self { store, secret })
    }
}

/// Reads the secret, if there is to be one.
///
/// # Errors
/// When the file cannot be read or holds none.
pub fn secret(args: &ClusterArgs) -> Result<Option<ClusterSecret>, MembershipError> {
    let Some(path) = args.cluster_secret_file.clone() else { return Ok(None) };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(reason) => return Err(MembershipError::SecretFile { path, reason }),
    };
    // Editors end a file with a line break, which is no part of the secret.
    let secret = ClusterSecret::new(text.trim_end()).map_err(|reason| MembershipError::Secret { path, reason })?;
    Ok(Some(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever applies the example as it stands would have a cluster whose secret everybody can read.
    #[test]
    fn the_secret_of_the_example_is_none() {
        let text = include_str!("../../deploy/kubernetes/example/cluster-secret");
        assert_eq!(ClusterSecret::new(text.trim_end()).unwrap_err(), InvalidSecret);
    }
}

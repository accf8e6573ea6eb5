//! What is wrong with a file of fixed hosts, or with who was started by it.

use crate::cli::InvalidEtcd;
use crate::config::dump_place::InvalidDumpPlace;
use annuli_core::id::InvalidShardCount;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a process is not started by the file.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// There is no such file, or it cannot be read.
    #[error("cannot read the topology `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Something in it is wrong.
    #[error("`{}`, line {line}: {wrong}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What.
        wrong: Wrong,
    },
    /// It knows no such process.
    #[error("`{}` has no {what} at {at}: it has {known}; say with --at which of them this process is", path.display())]
    Absent {
        /// The file.
        path: PathBuf,
        /// What was started.
        what: &'static str,
        /// At which address.
        at: SocketAddr,
        /// Those that there are.
        known: String,
    },
    /// Two places say different things.
    #[error("{what} is {said} for this process, and {here} by `{}`: leave it to the file", path.display())]
    Differs {
        /// The file.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// What a flag, a variable or the configuration says.
        said: u32,
        /// What the file says.
        here: u32,
    },
    /// Nobody has said which process this is.
    #[error("--topology needs --at IP:PORT: which of the addresses in the file this process has")]
    Unsaid,
}

/// What is wrong with a file.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not TOML, or has other keys.
    #[error("{message}")]
    Form {
        /// What, and what was expected.
        message: String,
    },
    /// A cluster needs one.
    #[error("`routers` is empty: name at least one")]
    NoRouter,
    /// None, or too many.
    #[error("`shards`: {error}; write a [[shards]] with its primary for each")]
    Shards {
        /// The bound.
        error: InvalidShardCount,
    },
    /// Nobody can be reached there.
    #[error(
        "`{key}`: `{address}` is no address of a process: it has the form IP:PORT, as other hosts reach it; names do not do"
    )]
    Address {
        /// Whose.
        key: String,
        /// What stands there.
        address: String,
    },
    /// Two processes cannot have the same.
    #[error("`{key}`: {address} stands at `{other}` already, each process needs an address of its own")]
    Twice {
        /// The second.
        key: String,
        /// The first.
        other: String,
        /// The address.
        address: SocketAddr,
    },
    /// It is no place of a coordination store.
    #[error("`coordination`: {reason}; or a folder, where all processes run on one machine")]
    Coordination {
        /// Why.
        reason: InvalidEtcd,
    },
    /// A folder is of one machine.
    #[error(
        "`coordination`: the folder `{}` is for processes of one machine, and these are of {hosts}: name an etcd, as \
         etcd://HOST:PORT[,HOST:PORT…]", folder.display()
    )]
    Apart {
        /// What stands there.
        folder: PathBuf,
        /// The machines.
        hosts: String,
    },
    /// It is no place of dumps.
    #[error("`dumps`: {reason}")]
    Dumps {
        /// Why.
        reason: InvalidDumpPlace,
    },
}

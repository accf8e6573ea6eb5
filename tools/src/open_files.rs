//! How many files this process may have open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Has this process open as many files as it may ask for. Most systems begin with 1,024 for programs that count theirs; the
/// tables of a workspace's stores are files, and of many shards more than that.
pub(crate) fn ask_for_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, ?current, ?maximum, "no more files may be open than were before");
    }
}

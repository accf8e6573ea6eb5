//! Files and sockets that a process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process, and those that it starts from now on, have `wanted` files open at once. Most systems begin with 1,024
/// and let a process ask for more.
///
/// # Panics
/// When they do not.
pub fn allow_open_files(wanted: u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .unwrap_or_else(|error| panic!("{wanted} open files are too many for `ulimit -Hn`: {error}"));
}

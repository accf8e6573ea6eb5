//! What every process tells Prometheus of itself: what it is, and what it takes of its machine.

use prometheus::process_collector::ProcessCollector;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::fmt;

/// What a process is of Annuli.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunsAs {
    Serve,
    Router,
    Primary,
    Replica,
}

impl fmt::Display for RunsAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Serve => "serve",
            Self::Router => "router",
            Self::Primary => "primary",
            Self::Replica => "replica",
        })
    }
}

/// Has `registry` show them.
pub(crate) fn register(registry: &Registry, role: RunsAs) {
    let help = "1, with the release and what the process is: serve, router, primary or replica.";
    let info = IntGaugeVec::new(Opts::new("annuli_build_info", help), &["version", "role"]);
    let info = info.expect("a name and labels of letters and underscores");
    info.with_label_values(&[env!("CARGO_PKG_VERSION"), &role.to_string()]).set(1);
    let once = "a registry shows the figures of one process";
    registry.register(Box::new(info)).expect(once);
    registry.register(Box::new(ProcessCollector::for_self())).expect(once);
}

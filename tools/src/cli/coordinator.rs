//! `annuli coordinator …`

use clap::Subcommand;

/// The coordinator of a cluster.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum CoordinatorCommand {
    /// Show which router coordinates
    Show,
    /// Take the seat from the router that coordinates; another is elected, and goes on where it stopped
    StepDown,
}

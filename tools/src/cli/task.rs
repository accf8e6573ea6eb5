//! `annuli task …`

use clap::{Args, Subcommand};
use uuid::Uuid;

/// Tasks.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// List what is done in the background, the newest first
    List(TaskList),
    /// Show how a task is
    Show(TaskArgs),
    /// Wait until a task is over; the exit code is 0 if it has succeeded
    Wait(TaskArgs),
}

/// `annuli task list`
#[derive(Debug, Args)]
pub struct TaskList {
    /// Only those of the index of this name
    #[arg(long, value_name = "NAME")]
    pub index: Option<String>,

    /// Only those that are not over
    #[arg(long)]
    pub open: bool,
}

/// Which task is meant.
#[derive(Debug, Args)]
pub struct TaskArgs {
    /// Id of the task
    pub id: Uuid,
}

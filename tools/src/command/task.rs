//! `annuli task …`, and how other commands wait for a task and say how it is.

use crate::cli::{OutputFormat, TaskCommand, TaskList};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::clock;
use crate::output::{self, Align};
use annuli_api::Failure;
use annuli_api::v1::canary::CanaryProgress;
use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use std::io;
use std::time::Duration;
use uuid::Uuid;

/// First pause between two looks at a task; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_millis(50);

/// Longest pause between two looks at a task: nobody who waits for minutes minds a second or two.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Why a command on tasks has failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The task that was waited for came to nothing.
    #[error(transparent)]
    Ended(#[from] EndedBadly),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// A task that is over and did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{} {}{} {}{}", .0.kind, .0.id, OfIndex(.0.index.as_ref()), past(.0.status), Because(.0.error.as_ref()))]
pub struct EndedBadly(Box<TaskInfo>);

impl EndedBadly {
    /// Makes an error of a task that is over, unless it has succeeded.
    pub(super) fn check(task: TaskInfo) -> Result<(), Self> {
        if task.status == TaskStatus::Succeeded { Ok(()) } else { Err(Self(Box::new(task))) }
    }
}

struct OfIndex<'a>(Option<&'a String>);

impl std::fmt::Display for OfIndex<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |index| write!(f, " of index `{index}`"))
    }
}

struct Because<'a>(Option<&'a Failure>);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |failure| write!(f, ": {}", failure.message))
    }
}

/// Does what the command line says.
pub fn run(command: &TaskCommand, server: &Server, format: OutputFormat) -> Result<(), TaskError> {
    let client = Client::of(server, 1)?;
    match command {
        TaskCommand::List(args) => Ok(list(args, &client, format)?),
        TaskCommand::Show(args) => Ok(print(&client.task(args.id)?, format)?),
        TaskCommand::Wait(args) => {
            let task = wait_for(&client, args.id)?;
            print(&task, format)?;
            Ok(EndedBadly::check(task)?)
        }
    }
}

fn list(args: &TaskList, client: &Client, format: OutputFormat) -> Result<(), TaskError> {
    let mut list = client.tasks()?;
    list.tasks.retain(|task| {
        let is_wanted = args.index.is_none() || task.index == args.index;
        is_wanted && !(args.open && task.status.is_over())
    });
    match format {
        OutputFormat::Table if list.tasks.is_empty() => output::text("no tasks\n")?,
        OutputFormat::Table => output::text(&table(&list.tasks))?,
        OutputFormat::Json => output::json(&list)?,
    }
    Ok(())
}

/// Looks at a task until it has ended.
pub(super) fn wait_for(client: &Client, task: Uuid) -> Result<TaskInfo, ClientError> {
    let mut pause = PAUSE_MIN;
    loop {
        let info = client.task(task)?;
        if info.status.is_over() {
            return Ok(info);
        }
        clock::pause(pause);
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Prints how a task is.
pub(super) fn print(task: &TaskInfo, format: OutputFormat) -> io::Result<()> {
    match format {
        OutputFormat::Table => output::text(&table(std::slice::from_ref(task))),
        OutputFormat::Json => output::json(task),
    }
}

fn table(tasks: &[TaskInfo]) -> String {
    const COLUMNS: [(&str, Align); 7] = [
        ("task", Align::Left),
        ("kind", Align::Left),
        ("index", Align::Left),
        ("shard", Align::Right),
        ("status", Align::Left),
        ("progress", Align::Left),
        ("error", Align::Left),
    ];
    let row = |task: &TaskInfo| {
        vec![
            task.id.to_string(),
            task.kind.clone(),
            task.index.clone().unwrap_or_default(),
            task.shard.map(|shard| shard.to_string()).unwrap_or_default(),
            task.status.name().to_owned(),
            progress(&task.progress),
            task.error.as_ref().map(|failure| failure.message.clone()).unwrap_or_default(),
        ]
    };
    output::table(&COLUMNS, tasks.iter().map(row), output::width())
}

fn progress(progress: &TaskProgress) -> String {
    match progress {
        TaskProgress::Shards { shards_done, shards_total } => format!("{shards_done} of {shards_total} shards"),
        TaskProgress::Replicas { replicas_ready, replicas_total, canary } => {
            let replicas = format!("{replicas_ready} of {replicas_total} replicas");
            canary.as_ref().map_or(replicas.clone(), |canary| format!("{replicas}; {}", compared(canary)))
        }
        TaskProgress::Documents { documents_done, documents_total } => {
            format!("{documents_done} of {documents_total} documents")
        }
    }
}

/// How a generation does on live searches.
pub(super) fn compared(canary: &CanaryProgress) -> String {
    let CanaryProgress {
        searches, searches_wanted, failed, overlap_percent, official_micros, candidate_micros, ..
    } = canary;
    if *searches == 0 {
        return format!("0 of {searches_wanted} searches compared");
    }
    format!(
        "{searches} of {searches_wanted} searches compared: {overlap_percent} % of the hits in common, {failed} failed, \
         {candidate_micros} µs beside {official_micros} µs"
    )
}

/// How far a task is, in a sentence.
const fn past(status: TaskStatus) -> &'static str {
    match status {
        TaskStatus::Queued => "waits for its turn",
        TaskStatus::Running => "is under way",
        TaskStatus::Paused => "is paused",
        TaskStatus::Succeeded => "has succeeded",
        TaskStatus::Failed => "has failed",
        TaskStatus::RolledBack => "was rolled back",
        TaskStatus::Cancelled => "was cancelled",
    }
}

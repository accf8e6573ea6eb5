//! `annuli rollout …`

mod board;
mod plan;
mod watch;

use super::cluster;
use super::task::{self, EndedBadly};
use crate::cli::{OutputFormat, RolloutArgs, RolloutCommand, RolloutStart};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::output;
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::rollout::{RolloutWord, StartRollout};
use annuli_api::v1::task::TaskInfo;
use annuli_core::IndexName;
use std::io;
use uuid::Uuid;

/// Why a command on rollouts has failed.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The index was never rolled out, or so long ago that nobody remembers.
    #[error("index `{index}` has no rollout: start one with `annuli rollout start {index}`")]
    None {
        /// The index.
        index: String,
    },
    /// The rollout that was waited for came to nothing.
    #[error(transparent)]
    Ended(#[from] EndedBadly),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Does what the command line says.
pub fn run(command: &RolloutCommand, server: &Server, format: OutputFormat) -> Result<(), RolloutError> {
    let client = Client::of(server, 1)?;
    match command {
        RolloutCommand::Start(args) => start(args, &client, format),
        RolloutCommand::Status(args) => status(args, &client, format),
        RolloutCommand::Watch(args) => {
            let rollout = find(args, &client)?;
            watch::until_over(&client, rollout.id, format)
        }
        RolloutCommand::Pause(args) => say(args, RolloutWord::Pause, &client, format),
        RolloutCommand::Resume(args) => say(args, RolloutWord::Resume, &client, format),
        RolloutCommand::Rollback(args) => say(args, RolloutWord::Rollback, &client, format),
    }
}

fn start(args: &RolloutStart, client: &Client, format: OutputFormat) -> Result<(), RolloutError> {
    let RolloutStart { index, generation, max_unavailable, approve, canary_floor, canary_searches, .. } = args;
    let canary = |percent| CanaryTerms { percent, floor_percent: *canary_floor, searches: *canary_searches };
    let request = StartRollout {
        generation: *generation,
        max_unavailable: *max_unavailable,
        drain: args.drain.then_some(true),
        approve: approve.then_some(true),
        canary: args.canary.map(canary),
        plan: None,
    };
    if args.plan {
        let plan = client.plan_rollout(index, request)?;
        return match format {
            OutputFormat::Table => Ok(output::text(&plan::text(index, &plan))?),
            OutputFormat::Json => Ok(output::json(&plan)?),
        };
    }
    let started = client.start_rollout(index, request)?;
    if args.watch {
        return watch::until_over(client, started.task, format);
    }
    if args.wait {
        let ended = task::wait_for(client, started.task)?;
        task::print(&ended, format)?;
        return Ok(EndedBadly::check(ended)?);
    }
    match format {
        OutputFormat::Table => Ok(output::text(&format!("the rollout is task {}\n", started.task))?),
        OutputFormat::Json => Ok(output::json(&started)?),
    }
}

fn status(args: &RolloutArgs, client: &Client, format: OutputFormat) -> Result<(), RolloutError> {
    let rollout = find(args, client)?;
    task::print(&rollout, format)?;
    if format == OutputFormat::Table && !rollout.status.is_over() {
        let board = board::Board::of(&rollout, &client.cluster()?);
        output::text(&format!("\n{}", board.table()))?;
    }
    Ok(())
}

fn say(args: &RolloutArgs, word: RolloutWord, client: &Client, format: OutputFormat) -> Result<(), RolloutError> {
    let (index, id) = (real_name(&args.index, client)?, find(args, client)?.id);
    client.say(&args.index, id, word)?;
    let rollout = client.rollout(&args.index, id)?;
    task::print(&rollout, format)?;
    if format == OutputFormat::Table {
        let shown = client.cluster()?;
        let note = shown.indexes.get(&index).and_then(|shown| cluster::note(&index, shown));
        output::text(&note.unwrap_or_default())?;
    }
    Ok(())
}

/// The rollout that is meant.
fn find(args: &RolloutArgs, client: &Client) -> Result<TaskInfo, RolloutError> {
    if let Some(id) = args.id {
        return Ok(client.rollout(&args.index, id)?);
    }
    let index = real_name(&args.index, client)?;
    let rollouts = client.tasks()?.tasks.into_iter().filter(|task| task.kind == "rollout");
    // Ids are ordered by time.
    let newest = rollouts.filter(|task| task.index.as_ref() == Some(&index)).max_by_key(|task| task.id);
    newest.ok_or(RolloutError::None { index })
}

/// The index that an alias stands for: tasks go by its own name.
fn real_name(name: &IndexName, client: &Client) -> Result<String, ClientError> {
    let index = client.aliases()?.aliases.remove(name.as_str());
    Ok(index.unwrap_or_else(|| name.as_str().to_owned()))
}

/// The generation that a rollout moves to.
fn generation_of(rollout: &TaskInfo) -> Option<u64> {
    rollout.result.as_ref()?.get("generation")?.as_u64()
}

/// An id as lines show it.
fn short(id: Uuid) -> String {
    id.to_string().chars().take(8).collect()
}

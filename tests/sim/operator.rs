//! Somebody who operates the cluster, and changes his mind.

use crate::clients::{Clients, brief};
use crate::dice::Dice;
use crate::world::locked;
use annuli_api::v1::canary::CanaryTerms;
use annuli_api::v1::rollout::{RolloutWord, StartRollout};
use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use annuli_api::{Catalogue, Created, Failure, Operations};
use annuli_cluster::ClusterCatalogue;
use annuli_core::vector::Dim;
use annuli_core::{HnswParams, IndexName, IndexSchema, Metric, Quantization, ShardCount};
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// What every index of a life holds: a number.
pub(crate) fn schema(shards: ShardCount) -> IndexSchema {
    let hnsw = HnswParams::new(None, None).expect("the defaults");
    let dim = Dim::new(1).expect("a dimension");
    IndexSchema { dim, metric: Metric::Euclidean, shards, hnsw, quantization: Quantization::default() }
}

/// Does one thing after the other, until he is told to stop.
pub(crate) async fn operate(clients: Arc<Clients>, shards: ShardCount, names: Vec<IndexName>) {
    for name in &names {
        create(&clients, name, shards).await;
    }
    while !clients.is_over() {
        clients.pause(2_500).await;
        let Some(name) = clients.world.dice.one_of(&names).cloned() else { return };
        match clients.world.dice.below(20) {
            0..6 => dump(&clients, &name).await,
            6..11 => rollout(&clients, &name).await,
            11..15 => say(&clients, any_word(&clients)).await,
            15..17 => delete_dump(&clients, &name).await,
            17 if name != names[0] => delete(&clients, &name).await,
            17 | 18 => alias(&clients, &name).await,
            _ => drop(create(&clients, &name, shards).await),
        }
    }
}

/// Has something done through some router, one thing at a time there. Says whether it was done.
async fn done<R: std::fmt::Debug + Send + 'static>(
    clients: &Clients,
    what: &'static str,
    act: impl FnOnce(Arc<ClusterCatalogue>) -> BoxFuture<'static, Result<R, Failure>> + Send + 'static,
) -> bool {
    let router = clients.any_router();
    let answer = clients.ask(router, move |site| {
        Box::pin(async move {
            let _turn = site.turn.lock().await;
            act(Arc::clone(&site.catalogue)).await
        })
    });
    let answer = answer.await;
    clients.world.note(format_args!("the operator asks router-{router} for {what}: {}", brief(answer.as_ref())));
    let is_done = matches!(answer, Some(Ok(_)));
    locked(&clients.world.witness).count(if is_done { what } else { "refused to the operator" });
    is_done
}

pub(crate) async fn create(clients: &Clients, name: &IndexName, shards: ShardCount) -> bool {
    let name = name.clone();
    done(clients, "a creation", move |catalogue| {
        Box::pin(async move {
            let shards = catalogue.fixed_shards().await.unwrap_or(shards);
            let created = catalogue.create(name, schema(shards)).await?;
            Ok(match created {
                Created::New(index) | Created::Existing(index) => index.uuid,
            })
        })
    })
    .await
}

/// Has the cluster move to another number of shards, and sometimes thinks better of it.
pub(crate) async fn reshard(clients: Arc<Clients>, next: ShardCount) {
    clients.pause(15_000).await;
    let ask = || {
        done(&clients, "another number of shards", move |catalogue| {
            Box::pin(async move { catalogue.reshard(next).await })
        })
    };
    // Asked for twice it is asked for once; behind a cancellation it would be asked for anew.
    while !ask().await && !clients.is_over() {
        clients.pause(2_000).await;
    }
    if clients.world.dice.permille(150) {
        clients.pause(10_000).await;
        done(&clients, "no other number of shards", |catalogue| {
            Box::pin(async move { catalogue.cancel_reshard().await })
        })
        .await;
    }
}

async fn delete(clients: &Clients, name: &IndexName) {
    let name = name.clone();
    done(clients, "a deletion", move |catalogue| Box::pin(async move { catalogue.remove(name).await })).await;
}

async fn alias(clients: &Clients, name: &IndexName) {
    let (alias, name) = (IndexName::new("alias").expect("a name"), name.clone());
    done(clients, "an alias", move |catalogue| Box::pin(async move { catalogue.set_alias(alias, name).await })).await;
}

pub(crate) async fn dump(clients: &Clients, name: &IndexName) {
    let name = name.clone();
    done(clients, "a dump", move |catalogue| {
        Box::pin(async move {
            let index = catalogue.resolve(&name)?;
            catalogue.start_dump(&index).await
        })
    })
    .await;
}

pub(crate) async fn rollout(clients: &Clients, name: &IndexName) {
    let (name, dice) = (name.clone(), &clients.world.dice);
    let (max_unavailable, generation) =
        (dice.permille(300).then_some(2), dice.permille(200).then(|| dice.between(1, 4)));
    // Whoever drains neither tries nor waits for a word.
    let drain = dice.permille(250).then_some(true);
    let approve = (drain.is_none() && dice.permille(250)).then_some(true);
    let canary = (drain.is_none() && dice.permille(350)).then(|| trial(dice));
    let start = StartRollout { generation, max_unavailable, drain, approve, canary, plan: None };
    done(clients, "a rollout", move |catalogue| {
        Box::pin(async move {
            let index = catalogue.resolve(&name)?;
            catalogue.start_rollout(&index, start).await
        })
    })
    .await;
}

/// A few searches are enough to say, and little is enough in common: others write meanwhile.
fn trial(dice: &Dice) -> CanaryTerms {
    let few = |most: u64| u32::try_from(dice.between(1, most)).expect("a few");
    CanaryTerms { percent: 30 + few(70), floor_percent: Some(few(60)), searches: Some(few(6)) }
}

fn any_word(clients: &Clients) -> RolloutWord {
    match clients.world.dice.below(4) {
        0 => RolloutWord::Pause,
        1 => RolloutWord::Rollback,
        _ => RolloutWord::Resume,
    }
}

/// Says something to one of the last rollouts.
async fn say(clients: &Clients, word: RolloutWord) {
    let dice_of = clients.world.dice.below(3);
    done(clients, "a word", move |catalogue| {
        Box::pin(async move {
            let tasks = catalogue.tasks();
            let mut rollouts = tasks.iter().rev().filter(|task| task.kind == "rollout");
            let nothing = || Failure::new(annuli_api::ErrorCode::TaskNotFound, "there is none");
            let place = usize::try_from(dice_of).unwrap_or_default();
            let task = rollouts.nth(place).ok_or_else(nothing)?;
            let name = task.index.as_deref().and_then(|name| IndexName::new(name).ok()).ok_or_else(nothing)?;
            let index = catalogue.resolve(&name)?;
            catalogue.say(&index, task.id, word).await
        })
    })
    .await;
}

/// Resumes or rolls back whatever waits for a word; and what is tried is rolled back, since hardly anybody searches any longer.
pub(crate) async fn release(clients: &Clients) {
    let word = if clients.world.dice.permille(500) { RolloutWord::Resume } else { RolloutWord::Rollback };
    done(clients, "a release", move |catalogue| {
        Box::pin(async move {
            let tasks = catalogue.tasks();
            for task in tasks.iter().filter(|task| is_tried(task) || task.status == TaskStatus::Paused) {
                let word = if task.status == TaskStatus::Paused { word } else { RolloutWord::Rollback };
                let name = task.index.as_deref().and_then(|name| IndexName::new(name).ok());
                let Some(Ok(index)) = name.map(|name| catalogue.resolve(&name)) else { continue };
                catalogue.say(&index, task.id, word).await?;
            }
            Ok(())
        })
    })
    .await;
}

fn is_tried(task: &TaskInfo) -> bool {
    let is_rollout = matches!(task.progress, TaskProgress::Replicas { canary: Some(_), .. });
    is_rollout && task.status == TaskStatus::Running
}

async fn delete_dump(clients: &Clients, name: &IndexName) {
    let (name, any) = (name.clone(), clients.world.dice.below(1_000));
    done(clients, "a deletion of a dump", move |catalogue| {
        Box::pin(async move {
            let index = catalogue.resolve(&name)?;
            let dumps = catalogue.dumps(&index).await?;
            let nothing = || Failure::new(annuli_api::ErrorCode::DumpNotFound, "there is none");
            let place = usize::try_from(any).unwrap_or_default().checked_rem(dumps.len()).ok_or_else(nothing)?;
            catalogue.remove_dump(&index, dumps[place].dump).await
        })
    })
    .await;
}

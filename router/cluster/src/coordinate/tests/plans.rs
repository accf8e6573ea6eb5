//! What is said of a rollout before it is done.

use super::*;
use annuli_api::v1::rollout::{PlannedStep, RolloutPlan};
use annuli_core::Generation;

fn plan(world: &World, options: RolloutOptions) -> Result<RolloutPlan, Failure> {
    rehearse(&world.store.records, &name("faces"), world.fresh(), options)
}

/// Numbers of the replicas that a step of a plan lets prepare.
fn replicas(step: &PlannedStep) -> Vec<u128> {
    let PlannedStep::Prepare { replicas } = step else { return Vec::new() };
    replicas.iter().map(|replica| replica.id.as_u128()).collect()
}

/// Numbers of the replicas in the order in which a rollout lets them prepare, those at once together.
fn played(world: &mut World) -> Vec<Vec<u128>> {
    let mut rounds = Vec::new();
    let mut before = Vec::new();
    world.ask_rollout(RolloutOptions::default());
    world.settle();
    while world.generations().preparing.is_some() {
        let round: Vec<_> = world.allowed().into_iter().filter(|number| !before.contains(number)).collect();
        for number in &round {
            let shard = u32::try_from(number / 10 - 1).unwrap();
            world.replica(*number, shard, &[(1, Prepared::Ready)]);
        }
        before.extend(&round);
        rounds.push(round);
        world.settle();
    }
    rounds
}

#[test]
fn a_plan_says_what_the_rollout_then_does() {
    let mut world = World::with_replicas(3);
    world.take_dump();
    let before = world.store.records.clone();
    let plan = plan(&world, RolloutOptions::default()).unwrap();
    assert_eq!(world.store.records, before);
    let (flip, rounds) = plan.steps.split_last().unwrap();
    assert_eq!(*flip, PlannedStep::Flip { from: None });
    let rounds: Vec<_> = rounds.iter().map(replicas).collect();
    assert_eq!(rounds, [vec![10, 20], vec![11, 21], vec![12, 22]]);
    assert_eq!(played(&mut world), rounds);
}

#[test]
fn a_plan_names_the_approval_the_flip_and_what_is_retired() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    played(&mut world);
    world.take_dump();
    let options = RolloutOptions { approve: true, ..RolloutOptions::default() };
    let plan = plan(&world, options).unwrap();
    assert_eq!((plan.generation, plan.waits_for), (2, Vec::new()));
    let [prepare, approval, flip, retire] = &plan.steps[..] else { panic!("{:?}", plan.steps) };
    assert_eq!(replicas(prepare), [10, 20]);
    assert_eq!(*approval, PlannedStep::AwaitApproval);
    assert_eq!(*flip, PlannedStep::Flip { from: Some(1) });
    assert_eq!(*retire, PlannedStep::Retire { generation: 1 });
}

#[test]
fn a_plan_says_what_retires_before_a_third_generation_is_prepared() {
    let (mut world, id) = approval_awaited();
    world.say(id, Word::Resume).unwrap();
    world.settle();
    world.take_dump();
    let plan = plan(&world, RolloutOptions::default()).unwrap();
    assert_eq!(plan.steps.first(), Some(&PlannedStep::Retire { generation: 1 }));
    assert_eq!(plan.steps.last(), Some(&PlannedStep::Retire { generation: 2 }));
}

#[test]
fn a_plan_names_the_tasks_that_come_before() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    let (first, second) = (world.ask_dump(), world.ask_rollout(RolloutOptions::default()));
    world.settle();
    assert_eq!(plan(&world, RolloutOptions::default()).unwrap().waits_for, [first.0, second.0]);
}

#[test]
fn nothing_is_planned_where_nothing_is_to_be_done() {
    let mut world = World::with_replicas(1);
    world.take_dump();
    played(&mut world);
    assert_eq!(plan(&world, RolloutOptions::default()).unwrap().steps, []);
}

#[test]
fn what_could_not_be_asked_for_is_not_planned() {
    let mut world = World::with_replicas(1);
    assert_eq!(plan(&world, RolloutOptions::default()).unwrap_err().code, ErrorCode::DumpNotFound);
    world.take_dump();
    let third = RolloutOptions { generation: Some(Generation(3)), ..RolloutOptions::default() };
    assert_eq!(plan(&world, third).unwrap_err().code, ErrorCode::DumpNotFound);
}

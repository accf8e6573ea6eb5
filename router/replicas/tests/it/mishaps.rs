//! Whatever replicas do: every call ends, nobody who is out is asked while another may be, and nothing is left behind.

use crate::fake::{AT_ONCE, Manner};
use crate::world::{World, after, millis};
use annuli_api::ErrorCode;
use annuli_replicas::ReplicaState;
use proptest::prelude::*;
use std::time::Duration;

#[derive(Debug, Clone)]
enum Step {
    Be(usize, Manner),
    Search { timeout_ms: u64, leaves_after_ms: u64 },
    Two { timeout_ms: u64 },
    Wait(u64),
}

fn manner() -> impl Strategy<Value = Manner> {
    let code = prop::sample::select(vec![
        ErrorCode::ShardUnavailable,
        ErrorCode::Overloaded,
        ErrorCode::IndexUnavailable,
        ErrorCode::InvalidFilter,
        ErrorCode::DeadlineExceeded,
    ]);
    prop_oneof![
        4 => (0_u64..40).prop_map(|after| Manner::Answers(millis(after))),
        2 => (code, 0_u64..20).prop_map(|(code, after)| Manner::Fails(code, millis(after))),
        1 => Just(Manner::Hangs),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0_usize..5, manner()).prop_map(|(place, manner)| Step::Be(place, manner)),
        8 => (1_u64..200, 1_u64..400)
            .prop_map(|(timeout_ms, leaves_after_ms)| Step::Search { timeout_ms, leaves_after_ms }),
        4 => (1_u64..200).prop_map(|timeout_ms| Step::Two { timeout_ms }),
        1 => (0_u64..5_000).prop_map(Step::Wait),
    ]
}

/// The replicas that are not to be asked for longer than that.
fn out(world: &World, time: Duration) -> Vec<usize> {
    let is_out = |place: &usize| matches!(world.state(*place), ReplicaState::Ejected { left, .. } if left > time);
    (0..world.replicas.len()).filter(is_out).collect()
}

async fn take(world: &World, step: Step) {
    match step {
        Step::Be(place, manner) => {
            if let Some(replica) = world.replicas.get(place) {
                replica.be(manner);
            }
        }
        Step::Search { timeout_ms, leaves_after_ms } => {
            let (out, begun) = (out(world, millis(timeout_ms)), tokio::time::Instant::now());
            let search = world.search_by(after(millis(timeout_ms)));
            let _answered = tokio::time::timeout(millis(leaves_after_ms), search).await;
            assert!(begun.elapsed() <= millis(timeout_ms.min(leaves_after_ms)), "it took {:?}", begun.elapsed());
            let asked = world.asked();
            assert!(asked.iter().all(|times| *times <= 1), "{asked:?}");
            assert!(out.iter().all(|place| asked[*place] == 0), "{out:?} were out, asked were {asked:?}");
        }
        Step::Two { timeout_ms } => {
            let deadline = after(millis(timeout_ms));
            let _answered = tokio::join!(world.search_by(deadline), world.search_by(deadline));
            world.asked();
        }
        Step::Wait(time) => tokio::time::advance(millis(time)).await,
    }
    world.assert_idle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_call_ends_and_leaves_nothing(
        replicas in 0_u64..5,
        is_used in any::<bool>(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::of(replicas);
            if is_used {
                world.used_to(millis(5)).await;
            }
            for step in steps {
                take(&world, step).await;
            }
            // Whatever happened, who is sound is found again.
            world.all_be(AT_ONCE);
            tokio::time::advance(millis(31_000)).await;
            for _ in 0..20 {
                world.search_by(after(millis(1_000))).await.unwrap();
            }
            assert!((0..world.replicas.len()).any(|place| world.state(place) == ReplicaState::Sound) || replicas == 0);
        });
    }
}

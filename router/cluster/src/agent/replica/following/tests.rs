//! What generations are told, and when.

use super::pause::PAUSE;
use super::round::GATHER_MAX;
use super::scene::{Answer, Heard, SLOWLY, Scene, changes, fails, gone, is, led_from, slow};
use super::*;
use crate::testing::{at, uuid};
use annuli_api::ErrorCode;
use annuli_api::shard_api::Changes;
use annuli_core::Seq;
use std::time::Duration;
use tokio::time::sleep;

/// After the first page `b` is newer than `c`: nobody is to see that.
#[tokio::test(start_paused = true)]
async fn what_was_gathered_is_told_once_it_is_the_whole_of_one_seq() {
    let mut scene = Scene::of([changes([is("a", 11), is("b", 14)], 12, 14), changes([gone("a"), is("c", 15)], 15, 15)]);
    assert_eq!(scene.hears().await, Heard::Told(10, vec![gone("a"), is("b", 14), is("c", 15)], 15));
    assert_eq!(scene.asked(), [10, 12]);
    sleep(3 * PAUSE).await;
    assert_eq!(scene.heard.try_recv().ok(), None, "nothing more has changed");
    assert_eq!(scene.trail().primary, Seq(15));
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_does_not_answer_is_asked_again_ever_more_seldom() {
    let began = Instant::now();
    let unavailable = || fails(ErrorCode::ShardUnavailable);
    let mut scene = Scene::of([
        unavailable(),
        changes([is("a", 11)], 11, 12),
        unavailable(),
        unavailable(),
        changes([is("a", 11)], 11, 11),
    ]);
    assert_eq!(scene.hears().await, Heard::Told(10, vec![is("a", 11)], 11));
    // What was gathered before it fell silent is gathered again.
    assert_eq!(scene.asked(), [10, 10, 11, 10, 10]);
    assert!(began.elapsed() > PAUSE * (2 + 4 + 8) / 2);
}

/// What is true is handed on, what another line of writes has is not.
#[tokio::test(start_paused = true)]
async fn another_history_is_told_from_a_log_that_was_trimmed() {
    let stale = Failure::new(ErrorCode::StaleToken, "another history");
    for (failure, ended) in [(stale.clone(), Ended::OtherLine), (stale.blaming_the_log(), Ended::TooFar)] {
        let mut scene = Scene::of([Answer::Fails(failure)]);
        assert_eq!(scene.hears().await, Heard::NoLonger(1, ended));
        sleep(10 * PAUSE).await;
        assert_eq!(scene.asked(), [10], "it is asked no more");
        scene.look();
        assert_eq!(scene.ready(), [true, true], "it will not have more");
    }
}

/// The older of two, which is soon to be retired, was told first; it could not be, and the newer one was called ready.
#[tokio::test(start_paused = true)]
async fn the_newest_is_told_first_and_what_comes_of_another_says_nothing_of_it() {
    let trimmed = || Answer::Fails(Failure::new(ErrorCode::StaleToken, "too far behind").blaming_the_log());
    let unavailable = || fails(ErrorCode::ShardUnavailable);
    let stand = [(1, 10), (2, 90)];
    let mut scene = Scene::with(&stand, [changes([is("a", 95)], 95, 95), trimmed()]);
    assert_eq!(scene.hears().await, Heard::Told(90, vec![is("a", 95)], 95));
    assert_eq!(scene.hears().await, Heard::NoLonger(1, Ended::TooFar));
    scene.settles().await;
    scene.look();
    assert_eq!((scene.asked(), scene.ready()), (vec![90, 10], [true, true]));

    let scene = Scene::with(&stand, [unavailable(), unavailable()]);
    scene.generations.follow_no_longer(uuid(1), Generation(1), Ended::TooFar);
    scene.settles().await;
    scene.look();
    assert_eq!(scene.ready(), [true, false], "the newer one has yet to be told");
}

/// From then on they stand together, and one question is enough.
#[tokio::test(start_paused = true)]
async fn who_is_farther_behind_is_told_after_the_newest_and_together_with_it_from_then_on() {
    let mut scene = Scene::with(
        &[(1, 10), (2, 90)],
        [
            changes([is("a", 95)], 95, 95),
            changes([is("b", 50), is("a", 95), is("c", 96)], 96, 96),
            changes([is("d", 97)], 97, 97),
        ],
    );
    assert_eq!(scene.hears().await, Heard::Told(90, vec![is("a", 95)], 95));
    assert_eq!(scene.hears().await, Heard::Told(10, vec![is("a", 95), is("b", 50), is("c", 96)], 96));
    assert_eq!(scene.hears().await, Heard::Told(96, vec![is("d", 97)], 97));
    assert_eq!(scene.asked(), [90, 10, 96]);
}

/// The newest is what answers. It was a minute behind for want of what the other could not have.
#[tokio::test(start_paused = true)]
async fn the_newest_waits_for_nobody_who_is_farther_behind() {
    let from_the_first = || Changes { documents: vec![is("b", 50)], through: Seq(95), position: at(1, 95) };
    for of_the_older in [fails(ErrorCode::LimitExceeded), Answer::Slowly(from_the_first())] {
        let newest = [changes([is("a", 95)], 95, 95), changes([is("c", 96)], 96, 96)];
        let [first, second] = newest;
        let mut scene = Scene::with(&[(1, 10), (2, 90)], [first, of_the_older, second]);
        assert_eq!(scene.hears().await, Heard::Told(90, vec![is("a", 95)], 95));
        let told = Instant::now();
        assert_eq!(scene.hears().await, Heard::Told(95, vec![is("c", 96)], 96));
        assert!(told.elapsed() <= PAUSE * 5 / 4, "it rested for as long as ever");
        assert_eq!(scene.asked(), [90, 10, 95]);
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_farther_behind_and_fails_is_asked_ever_more_seldom() {
    let scene = Scene::with(&[(1, 10), (2, 90)], []);
    *scene.primary.refuses.lock().unwrap() = Some(10);
    sleep(20 * PAUSE).await;
    let of = |from| scene.asked().iter().filter(|asked| **asked == from).count();
    assert!((3..=5).contains(&of(10)) && of(90) >= 8, "asked {:?}", scene.asked());
    *scene.primary.refuses.lock().unwrap() = None;
    sleep(20 * PAUSE).await;
    scene.look();
    assert_eq!(scene.ready(), [true, true]);
}

#[tokio::test(start_paused = true)]
async fn more_than_may_be_kept_is_not_gathered() {
    let many: Vec<_> = (0..1_000).map(|number| is(&number.to_string(), number + 11)).collect();
    let bytes = many.iter().map(Changed::bytes_about).sum::<usize>();
    for (bytes_max, is_told) in [(bytes, true), (bytes - 1, false)] {
        let answer = Answer::Tells(Changes { documents: many.clone(), through: Seq(1_010), position: at(1, 1_010) });
        let mut scene = Scene::with_memory(&[(1, 10)], [answer], bytes_max);
        let heard = scene.hears().await;
        assert_eq!(matches!(heard, Heard::Told(..)), is_told);
        assert_eq!(heard == Heard::NoLonger(1, Ended::TooFar), !is_told);
    }
}

/// It was gathered for ever, and nothing was ever told.
#[tokio::test(start_paused = true)]
async fn what_changes_faster_than_it_is_told_is_given_up_and_tried_again() {
    let scene = Scene::of((11..200).map(|seq| slow([is("a", seq)], seq)).collect::<Vec<_>>());
    sleep(GATHER_MAX + 2 * SLOWLY).await;
    scene.look();
    assert_eq!((scene.ready(), scene.following.large.available_permits()), ([true, true], 1), "others have their turn");
    sleep(4 * PAUSE).await;
    assert!(scene.asked().iter().filter(|after| **after == 10).count() > 1, "{:?}", scene.asked());
}

/// All indexes of a process begin at once when it is started.
#[tokio::test(start_paused = true)]
async fn one_index_at_a_time_gathers_more_than_an_answer() {
    let answers = [changes([is("a", 11)], 11, 12), changes([is("b", 12)], 12, 12), changes([is("c", 13)], 13, 13)];
    let mut scene = Scene::of(answers);
    let turn = Arc::clone(&scene.following.large).try_acquire_owned().unwrap();
    sleep(GATHER_MAX).await;
    assert_eq!(scene.asked(), [10]);
    scene.look();
    assert_eq!(scene.ready(), [false, true], "it has yet to be told");
    drop(turn);
    assert_eq!(scene.hears().await, Heard::Told(10, vec![is("a", 11), is("b", 12)], 12));
    // What fits into an answer waits for nobody.
    let _turn = Arc::clone(&scene.following.large).acquire_owned().await.unwrap();
    assert_eq!(scene.hears().await, Heard::Told(12, vec![is("c", 13)], 13));
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_no_more_is_followed_no_longer() {
    let mut scene = Scene::of([changes([is("a", 11)], 11, 11)]);
    scene.hears().await;
    scene.following.keep_to(&BTreeMap::new());
    while scene.following.tasks.join_next().await.is_some() {}
    scene.following.look(&Held::new());
    assert_eq!(scene.following.trails().of(uuid(1), Generation(1)), None);
}

#[tokio::test(start_paused = true)]
async fn without_a_primary_nobody_is_asked_until_there_is_one() {
    let mut scene = Scene::of([changes([is("a", 11)], 11, 11)]);
    scene.hears().await;
    scene.following.keep_to(&led_from(None));
    sleep(10 * PAUSE).await;
    let asked = scene.asked().len();
    assert!(scene.trail().since_even >= 9 * PAUSE && asked <= 2, "asked {asked} times");
    scene.following.keep_to(&led_from(Some("elsewhere")));
    scene.settles().await;
    assert!(scene.asked().len() > asked);
}

/// One that was started again answered with less than before.
#[tokio::test(start_paused = true)]
async fn a_generation_is_told_as_ready_once_it_has_what_the_primary_has() {
    let scene = Scene::with(&[(1, 10), (2, 10)], [changes([is("a", 11)], 11, 11)]);
    assert_eq!((scene.look().is_some(), scene.ready()), (true, [false, false]));
    scene.following.one_settled().await;
    assert_eq!((scene.look(), scene.ready()), (None, [true, true]));
    assert_eq!(scene.trail().primary, Seq(11));
}

/// A new one is not left waiting for the next round of one that is at rest.
#[tokio::test(start_paused = true)]
async fn a_generation_that_is_new_is_told_at_once() {
    let mut scene = Scene::of([]);
    scene.following.keep_to(&led_from(None));
    sleep(20 * PAUSE).await;
    let (asked, mut leaders) = (scene.asked().len(), led_from(Some("somewhere")));
    scene.following.keep_to(&leaders);
    scene.settles().await;
    assert_eq!(scene.asked().len(), asked + 1);
    leaders.get_mut(&uuid(1)).unwrap().generations.push(Generation(2));
    scene.following.keep_to(&leaders);
    tokio::task::yield_now().await;
    sleep(Duration::from_millis(1)).await;
    assert_eq!(scene.asked().len(), asked + 2);
}

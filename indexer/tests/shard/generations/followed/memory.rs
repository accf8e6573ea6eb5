//! How much generations keep of what they are told.

use super::super::super::{number, soon};
use super::super::setting::{DIM, Setting, document_id, documents, read};
use annuli_api::shard_api::{Changed, Position};
use annuli_core::{Generation, Metadata, Seq, Vector};
use annuli_indexer::settings::FOLLOWED_DOCUMENTS_MAX;
use annuli_indexer::shard::{Ended, FollowError};

/// Documents with those numbers, as they are told.
fn told(numbers: std::ops::Range<usize>, first_seq: u64) -> Vec<Changed> {
    let vector = Vector::new(vec![1.0; DIM]).unwrap();
    let is = |(place, number)| Changed::Is {
        id: document_id(number),
        seq: Seq(first_seq + place as u64),
        vector: vector.clone(),
        metadata: Metadata::default(),
    };
    numbers.enumerate().map(is).collect()
}

#[tokio::test]
async fn more_than_is_kept_in_memory_is_left_to_the_next_generation() {
    let setting = Setting::with_generation(10).await;
    let here = setting.stands().unwrap();
    let to = |seq| Position { seq: Seq(seq), ..here };
    // Documents count, however often they were written: rows that are dead do not.
    setting.tell(here, &told(10..60_010, 11), to(60_010)).unwrap();
    setting.tell(to(60_010), &told(10..45_010, 60_011), to(105_010)).unwrap();
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (Some(to(105_010)), 60_010));
    let rest = 60_010..FOLLOWED_DOCUMENTS_MAX + 10;
    let last = 105_010 + rest.len() as u64;
    setting.tell(to(105_010), &told(rest, 105_011), to(last)).unwrap();
    assert_eq!(setting.stands(), Some(to(last)));
    setting.tell(to(last), &told(200_000..200_001, last + 1), to(last + 1)).unwrap();
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (None, FOLLOWED_DOCUMENTS_MAX as u64 + 10));
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    assert_eq!(setting.replica.followed_bytes(), 0);
}

/// The one that was told with all the others ended for want of memory that was there a moment later.
#[tokio::test]
async fn who_is_short_of_memory_stays_where_it_stands_and_goes_on_once_there_is_some() {
    let one = told(10..11, 11)[0].bytes_about();
    let mut setting = Setting::with_generation(10).await;
    setting.reopen_with_memory(200 * one);
    let here = setting.stands().unwrap();
    let to = |seq| Position { seq: Seq(seq), ..here };
    setting.tell(here, &told(10..90, 11), to(90)).unwrap();
    // An index takes no more than it leaves free.
    let short = setting.tell(to(90), &told(90..111, 91), to(111)).unwrap_err();
    assert!(matches!(short, FollowError::Short { .. }), "{short}");
    assert_eq!((setting.stands(), setting.replica.followed_bytes()), (Some(to(90)), 80 * one));
    // What is written again takes the place of what it was.
    for first in [91, 106, 121] {
        setting.tell(to(first - 1), &told(30..45, first), to(first + 14)).unwrap();
    }
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (Some(to(135)), 90));
    assert!(setting.replica.followed_bytes() <= 100 * one);
}

/// Its rows were kept for each time that it was written.
#[tokio::test]
async fn a_document_that_is_written_again_and_again_is_kept_once() {
    let setting = Setting::with_generation(10).await;
    setting.fill(0, 1).await;
    setting.follow().await;
    let once = setting.replica.followed_bytes();
    for _ in 0..30 {
        setting.fill(0, 100).await;
        setting.follow().await;
    }
    setting.check(1).await;
    assert!(setting.replica.followed_bytes() <= 1_300 * once);
    assert!(setting.shard(1).status().await.unwrap().tail.documents <= 1_300);
}

/// As many as an index had could be deleted in each generation of each index, and nobody counted them.
#[tokio::test]
async fn what_was_deleted_takes_memory_as_well() {
    let mut setting = Setting::with_generation(100).await;
    let gone = Changed::Gone { id: document_id(0) };
    setting.delete(0..50).await;
    setting.follow().await;
    assert_eq!(setting.replica.followed_bytes(), 50 * gone.bytes_about());
    // What is written again is kept instead.
    setting.fill(0, 50).await;
    setting.follow().await;
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    assert_eq!(setting.replica.followed_bytes(), 0);

    setting.prepare(2, setting.dump()).unwrap();
    setting.reopen_with_memory(50 * gone.bytes_about());
    setting.delete(0..50).await;
    let here = setting.stands().unwrap();
    let (told, to) = setting.changes(here).await;
    let short = setting.tell(here, &told, to).unwrap_err();
    assert!(matches!(short, FollowError::Short { .. }), "{short}");
}

/// After a restart each was told by itself, and what both were told took twice the memory: the one that is official had too
/// little, and stayed at its dump.
#[tokio::test]
async fn generations_that_are_told_one_after_the_other_have_the_same_rows() {
    let mut setting = Setting::with_generation(100).await;
    setting.fill(100, 150).await;
    let dump = setting.dump();
    setting.follow().await;
    setting.prepare(2, dump).unwrap();
    setting.fill(150, 250).await;
    setting.patch(120, 7).await;
    setting.follow().await;
    let bytes = setting.replica.followed_bytes();

    setting.reopen();
    let (_, newest) = setting.replica.stands(setting.faces.uuid)[0];
    let (told, to) = setting.changes(newest).await;
    setting.tell(newest, &told, to).unwrap();
    assert!(setting.stands().unwrap().seq < newest.seq, "the other one stands farther behind");
    setting.follow().await;
    for generation in [1, 2] {
        setting.check(generation).await;
    }
    assert!(setting.replica.followed_bytes() <= bytes, "of {bytes}: {}", setting.replica.followed_bytes());
}

/// Of a primary that lost power and has other writes under the same numbers.
#[tokio::test]
async fn a_row_with_another_content_is_another_row() {
    let setting = Setting::with_generation(100).await;
    let dump = setting.dump();
    let here = setting.stands().unwrap();
    let to = |seq| Position { seq: Seq(seq), ..here };
    let told = |n| {
        vec![Changed::Is {
            id: document_id(500),
            seq: Seq(101),
            vector: Vector::new(vec![1.0; DIM]).unwrap(),
            metadata: number("n", n),
        }]
    };
    setting.tell(here, &told(1), to(101)).unwrap();
    setting.replica.follow_no_longer(setting.faces.uuid, Generation(1), Ended::OtherLine);
    setting.prepare(2, dump).unwrap();
    setting.tell(here, &told(2), to(101)).unwrap();
    let now = |generation| {
        let shard = setting.shard(generation);
        async move {
            shard.get(vec![document_id(500)], read(None), soon()).await.unwrap().documents[0].clone().unwrap().metadata
        }
    };
    let [first, second] = [now(1).await, now(2).await];
    assert_ne!(first, second);
}

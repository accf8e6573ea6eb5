//! Generations that are told what has changed at their primary.

mod memory;

use super::super::{number, soon};
use super::setting::{DIM, PLACE, Setting, answers, document_id, documents, read};
use annuli_api::ShardApi;
use annuli_api::shard_api::{Changed, ChangesAsked, ConditionalWrite, Position, SearchMode, ShardList, Write};
use annuli_core::{DocId, Generation, HistoryId, Metadata, Seq, ShardCount, Vector};
use annuli_indexer::shard::{Ended, FollowError};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

impl Setting {
    /// What has changed at the primary behind that position, and where it stands.
    async fn changes(&self, from: Position) -> (Vec<Changed>, Position) {
        let (mut told, mut after) = (Vec::new(), from);
        loop {
            let asked = ChangesAsked { after, owner: PLACE.shard, shards: ShardCount::ONE, limit: 300 };
            let changes = self.primary().changes(asked, soon()).await.unwrap();
            told.extend(changes.documents);
            after.seq = changes.through;
            if changes.through == changes.position.seq {
                return (told, changes.position);
            }
        }
    }

    /// Where the generation that follows stands that is farthest behind.
    fn stands(&self) -> Option<Position> {
        let stands = self.replica.stands(self.faces.uuid).into_iter();
        stands.map(|(_, position)| position).min_by_key(|position| position.seq)
    }

    fn tell(&self, from: Position, told: &[Changed], to: Position) -> Result<(), FollowError> {
        self.replica.follow(self.faces.uuid, told.to_vec(), (from, to))
    }

    /// Tells the generations everything that has changed.
    async fn follow(&self) {
        let from = self.stands().unwrap();
        let (told, to) = self.changes(from).await;
        self.tell(from, &told, to).unwrap();
    }

    async fn delete(&self, numbers: std::ops::Range<usize>) {
        let delete = |number| ConditionalWrite { write: Write::Delete { id: document_id(number) }, if_seq: None };
        self.primary().write(numbers.map(delete).collect(), soon()).await.unwrap();
    }

    async fn patch(&self, document: usize, n: i64) {
        let patch = Write::Patch { id: document_id(document), vector: None, metadata: Some(number("n", n)) };
        self.primary().write(vec![ConditionalWrite { write: patch, if_seq: None }], soon()).await.unwrap();
    }

    /// Asked anything, the generation says what the primary says.
    async fn check(&self, generation: u64) {
        let (here, there) = (self.shard(generation), self.primary());
        assert_eq!(answers(&here, SearchMode::Exact).await, answers(&there, SearchMode::Exact).await);
        for behind in [None, Some(document_id(290)), Some(document_id(1_490))] {
            let list = ShardList { behind, limit: 700, filter: None };
            let listed = here.list(list.clone(), read(None), soon()).await.unwrap();
            assert_eq!(listed, there.list(list, read(None), soon()).await.unwrap());
        }
    }
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[tokio::test]
async fn a_generation_that_follows_answers_as_its_primary() {
    let mut setting = Setting::with_generation(1_500).await;
    let dumped = setting.stands().unwrap();
    let folder = files(&setting.generation_folder(1));
    // New ones, others over old ones, some gone, some gone and come again, one changed in part.
    setting.fill(1_400, 1_700).await;
    setting.delete(100..300).await;
    setting.fill(250, 260).await;
    setting.delete(1_600..1_650).await;
    setting.patch(5, 77).await;
    setting.follow().await;
    setting.check(1).await;
    setting.fill(1_600, 1_610).await;
    setting.delete(5..7).await;
    setting.follow().await;
    setting.check(1).await;
    assert!(setting.replica.followed_bytes() > 300 * DIM * size_of::<f32>());

    // It is all in memory: the files are those of the dump, and what comes back stands there.
    assert_eq!(files(&setting.generation_folder(1)), folder);
    setting.reopen();
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (Some(dumped), 1_500));
    setting.follow().await;
    setting.check(1).await;
}

#[tokio::test]
async fn what_is_told_again_changes_nothing() {
    let setting = Setting::with_generation(300).await;
    let dumped = setting.stands().unwrap();
    setting.fill(290, 350).await;
    let (early, then) = setting.changes(dumped).await;
    setting.delete(0..20).await;
    setting.follow().await;
    let bytes = setting.replica.followed_bytes();
    setting.tell(dumped, &early, then).unwrap();
    let (all, now) = setting.changes(dumped).await;
    setting.tell(dumped, &all, now).unwrap();
    setting.check(1).await;
    // And with it the next.
    setting.fill(340, 360).await;
    let (all, now) = setting.changes(dumped).await;
    setting.tell(dumped, &all, now).unwrap();
    setting.check(1).await;
    assert!(setting.replica.followed_bytes() < 2 * bytes, "what it has is not kept twice");
}

/// Nobody is asked: whoever was answered by the one is answered no less by the other.
#[tokio::test]
async fn the_next_generation_begins_where_the_one_before_it_stands() {
    let setting = Setting::with_generation(500).await;
    setting.fill(500, 600).await;
    setting.delete(0..10).await;
    let dump = setting.dump();
    setting.fill(550, 700).await;
    setting.delete(10..20).await;
    setting.fill(5, 7).await;
    setting.follow().await;
    let here = setting.primary().status().await.unwrap().position;
    assert_eq!(setting.prepare(2, dump).unwrap(), here);
    setting.check(2).await;
    // From here on they are told together.
    setting.fill(700, 710).await;
    setting.follow().await;
    setting.check(1).await;
    setting.check(2).await;
    let bytes = setting.replica.followed_bytes();
    setting.replica.retire(setting.faces.uuid, Generation(1)).unwrap();
    assert!(setting.replica.followed_bytes() < bytes);
    setting.check(2).await;
}

/// Put, dumped and deleted between two rounds: the generation that was told of it did not have it, and forgot that it was
/// gone. That of the dump had it for good.
#[tokio::test]
async fn what_was_gone_before_anybody_was_told_of_it_is_gone_from_the_next_generation_as_well() {
    for had_come_and_gone_before in [false, true] {
        let setting = Setting::with_generation(40).await;
        if had_come_and_gone_before {
            setting.fill(40, 50).await;
            setting.follow().await;
            setting.delete(40..50).await;
            setting.follow().await;
        }
        setting.fill(40, 50).await;
        let dump = setting.dump();
        setting.delete(40..50).await;
        setting.follow().await;
        setting.prepare(2, dump).unwrap();
        assert_eq!(documents(&setting.shard(2)).await, 40, "had they come and gone before: {had_come_and_gone_before}");
        setting.check(2).await;
    }
}

#[tokio::test]
async fn an_older_dump_is_told_everything_that_came_behind_it() {
    let setting = Setting::start();
    setting.fill(0, 100).await;
    let old = setting.dump();
    setting.fill(100, 200).await;
    setting.prepare(1, setting.dump()).unwrap();
    setting.fill(190, 210).await;
    setting.follow().await;
    // What came between the two dumps the first generation does not know by itself.
    assert_eq!(setting.prepare(2, old).unwrap().seq, Seq(100));
    assert_eq!(setting.stands().unwrap().seq, Seq(100));
    setting.follow().await;
    for generation in [1, 2] {
        setting.check(generation).await;
    }
}

/// What the primary does not know, the next generation does not have; what is only too old to be told, it has.
#[tokio::test]
async fn a_generation_that_follows_no_longer_hands_on_what_is_true() {
    for (ended, is_handed_on) in [(Ended::OtherLine, false), (Ended::TooFar, true)] {
        let setting = Setting::with_generation(100).await;
        let dump = setting.dump();
        setting.fill(100, 150).await;
        setting.follow().await;
        let here = setting.stands().unwrap();
        setting.replica.follow_no_longer(setting.faces.uuid, Generation(1), ended);
        assert_eq!(setting.stands(), None);
        setting.fill(150, 160).await;
        let (told, to) = setting.changes(here).await;
        setting.tell(here, &told, to).unwrap();
        assert_eq!(documents(&setting.shard(1)).await, 150, "it stays where it stands");
        assert_eq!(setting.prepare(2, dump).unwrap() == here, is_handed_on);
        setting.follow().await;
        setting.check(2).await;
    }
}

/// A primary that lost power has other writes under the numbers of those that it has lost. What the dump knows better is not
/// overwritten by what was followed.
#[tokio::test]
async fn what_a_dump_knows_is_not_taken_over() {
    let setting = Setting::with_generation(100).await;
    let dumped = setting.stands().unwrap();
    let to = |seq| Position { seq: Seq(seq), ..dumped };
    let lost = |document: usize, seq| {
        let vector = Vector::new(vec![1.0; DIM]).unwrap();
        Changed::Is { id: document_id(document), seq: Seq(seq), vector, metadata: number("n", -1) }
    };
    let gone = Changed::Gone { id: document_id(7) };
    setting.tell(dumped, &[lost(3, 101), lost(900, 102), gone], to(103)).unwrap();
    assert_eq!(documents(&setting.shard(1)).await, 100, "one has come and one has gone");
    // The primary writes 101 to 110 anew, and the dump is of then; the follower has gone on.
    setting.fill(100, 110).await;
    let dump = setting.dump();
    setting.tell(to(103), &[lost(901, 111)], to(111)).unwrap();
    assert_eq!(setting.prepare(2, dump).unwrap(), to(111));
    setting.fill(901, 902).await;
    assert_eq!(documents(&setting.shard(2)).await, 111, "what was lost is there no longer");
    let list = || ShardList { behind: None, limit: 110, filter: None };
    let listed = setting.shard(2).list(list(), read(None), soon()).await.unwrap();
    assert_eq!(listed, setting.primary().list(list(), read(None), soon()).await.unwrap());
}

#[tokio::test]
async fn what_is_of_another_history_or_unfit_is_not_taken_over() {
    let is = |name: &str, components: usize, seq: u64| {
        let (id, vector) = (DocId::new(name).unwrap(), Vector::new(vec![1.0; components]).unwrap());
        Changed::Is { id, seq: Seq(seq), vector, metadata: Metadata::default() }
    };
    let setting = Setting::with_generation(100).await;
    let here = setting.stands().unwrap();
    let to = Position { seq: Seq(102), ..here };
    let elsewhere = Position { history: HistoryId(Uuid::from_u128(9)), ..to };
    setting.tell(here, &[is("new", DIM, 101)], elsewhere).unwrap();
    for (told, says) in [
        (vec![is("new", DIM + 1, 101)], "dimensions"),
        (vec![is("new", DIM, 103)], "a write that is not its own"),
        (vec![is("new", DIM, 101), is("newer", DIM, 101)], "a write that is not its own"),
    ] {
        let error = setting.tell(here, &told, to).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (Some(here), 100));
    assert_eq!(setting.replica.followed_bytes(), 0);
    setting.tell(here, &[is("new", DIM, 101)], to).unwrap();
    assert_eq!((setting.stands(), documents(&setting.shard(1)).await), (Some(to), 101));
}

#[tokio::test]
async fn a_generation_tells_nobody_what_has_changed() {
    let setting = Setting::with_generation(10).await;
    let asked =
        ChangesAsked { after: setting.stands().unwrap(), owner: PLACE.shard, shards: ShardCount::ONE, limit: 1 };
    let shard = setting.shard(1) as Arc<dyn ShardApi>;
    assert!(shard.changes(asked, soon()).await.unwrap_err().message.contains("ask the primary"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Writes, deletions and rounds in any order, with generations that are begun in between.
    #[test]
    fn whatever_is_written_and_told_a_follower_comes_to_be_as_its_primary(
        steps in prop::collection::vec((0_usize..6, 0_usize..60, 1_usize..15), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let setting = Setting::with_generation(40).await;
            let (mut newest, mut dump) = (1, None);
            for (what, from, count) in steps {
                match what {
                    0 | 1 => setting.fill(from, from + count).await,
                    2 => setting.delete(from..from + count).await,
                    3 => dump = Some(setting.dump()),
                    // Some are there in the dump alone: before it, and when it is told of, they are not.
                    4 => {
                        setting.fill(from, from + count).await;
                        dump = Some(setting.dump());
                        setting.delete(from..from + count).await;
                    }
                    _ => {
                        setting.follow().await;
                        if let Some(dump) = dump.take() {
                            newest += 1;
                            let stood = setting.stands().unwrap();
                            assert!(setting.prepare(newest, dump).unwrap().seq >= stood.seq);
                            setting.check(newest).await;
                        }
                    }
                }
            }
            setting.follow().await;
            for generation in [1, newest] {
                setting.check(generation).await;
            }
        });
    }
}

//! What a shard tells of its changes.

use super::Make;
use crate::given::{delete, id, now, number, on_a_line, patch, put, read_all, soon, vector};
use crate::subject::Subject;
use annuli_api::ErrorCode;
use annuli_api::shard_api::{Changed, Changes, ChangesAsked, Document, Position};
use annuli_core::placement::shard_of;
use annuli_core::{HistoryId, Metadata, Seq, ShardCount, ShardId, Vector};
use std::collections::BTreeMap;
use uuid::Uuid;

fn all(after: Position) -> ChangesAsked {
    ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 100 }
}

async fn beginning(it: &Subject) -> Position {
    Position { seq: Seq::ZERO, ..it.shard.status().await.unwrap().position }
}

async fn changes(it: &Subject, asked: ChangesAsked) -> Changes {
    it.shard.changes(asked, soon()).await.unwrap()
}

fn ids(documents: &[Changed]) -> Vec<&str> {
    documents.iter().map(|changed| changed.id().as_str()).collect()
}

fn is(name: &str, seq: u64, component: f32) -> Changed {
    is_with(name, seq, component, Metadata::default())
}

fn is_with(name: &str, seq: u64, component: f32, metadata: Metadata) -> Changed {
    Changed::Is { id: id(name), seq: Seq(seq), vector: vector(&[component]), metadata }
}

/// Once, however often it was written, with the seq of its last write; and as gone, if it is not there any longer.
pub async fn every_document_that_has_changed_is_told_as_it_is_now(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let start = beginning(&it).await;
    let first = it.write(vec![put("a", &[1.0]), put("b", &[2.0]), put("c", &[3.0])]).await.position;
    let told = changes(&it, all(start)).await;
    assert_eq!(told.documents, [is("a", 1, 1.0), is("b", 2, 2.0), is("c", 3, 3.0)]);
    assert_eq!((told.through, told.position), (first.seq, first));

    it.write(vec![put("c", &[4.0]), delete("a"), patch("b", number("n", 7)), put("c", &[5.0])]).await;
    let last = it.write(vec![delete("unknown"), delete("c"), put("c", &[6.0])]).await.position;
    let told = changes(&it, all(first)).await;
    let gone = Changed::Gone { id: id("a") };
    assert_eq!(told.documents, [is("c", 9, 6.0), gone, is_with("b", 6, 2.0, number("n", 7))]);
    assert_eq!((told.through, told.position), (last.seq, last));
    assert_eq!(changes(&it, all(last)).await, Changes { documents: vec![], through: last.seq, position: last });
}

/// And of no other; together of all.
pub async fn each_shard_of_another_number_is_told_of_its_own_documents(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let start = beginning(&it).await;
    let documents: Vec<_> = (0..40).map(|n| put(&n.to_string(), &[1.0])).collect();
    let end = it.write(documents.clone()).await.position;
    let shards = ShardCount::new(3).unwrap();
    for owner in shards.shards() {
        let told = changes(&it, ChangesAsked { owner, shards, ..all(start) }).await;
        let ids_of = documents.iter().map(|write| write.id().as_str());
        let own: Vec<_> = ids_of.filter(|name| shard_of(&id(name), shards) == owner).collect();
        assert!(!own.is_empty());
        assert_eq!((ids(&told.documents), told.through), (own, end.seq));
    }
}

/// With what it was told it has made another shard into one with the same documents.
pub async fn who_asks_again_and_again_comes_to_the_end(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let mut asked = ChangesAsked { limit: 2, ..all(beginning(&it).await) };
    let mut found = BTreeMap::new();
    for round in 0..30_u8 {
        let id = (round % 7).to_string();
        let write = if round % 4 == 3 { delete(&id) } else { put(&id, &[f32::from(round)]) };
        it.write(vec![write]).await;
        let told = changes(&it, asked).await;
        assert!(told.documents.len() <= 2, "{told:?}");
        asked.after.seq = told.through;
        apply(&mut found, told.documents);
    }
    loop {
        let told = changes(&it, asked).await;
        asked.after.seq = told.through;
        apply(&mut found, told.documents);
        if told.through == told.position.seq {
            break;
        }
    }
    let all: Vec<_> = (0..7).map(|n| id(&n.to_string())).collect();
    let got = it.shard.get(all, read_all(), soon()).await.unwrap();
    let there = got.documents.into_iter().flatten();
    let shown = |document: Document| (document.id.to_string(), (document.seq, document.vector.unwrap()));
    let there: BTreeMap<_, _> = there.map(shown).collect();
    assert_eq!(found, there);
}

fn apply(found: &mut BTreeMap<String, (Seq, Vector)>, documents: Vec<Changed>) {
    for changed in documents {
        match changed {
            Changed::Is { id, seq, vector, .. } => drop(found.insert(id.to_string(), (seq, vector))),
            Changed::Gone { id } => drop(found.remove(id.as_str())),
        }
    }
}

/// And what comes too late is not looked for.
pub async fn changes_of_another_history_or_ahead_are_refused(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let here = it.write(vec![put("a", &[1.0])]).await.position;
    let elsewhere = Position { history: HistoryId(Uuid::from_u128(1)), ..here };
    let ahead = Position { seq: here.seq.next(), ..here };
    for after in [elsewhere, ahead] {
        assert_eq!(it.shard.changes(all(after), soon()).await.unwrap_err().code, ErrorCode::StaleToken);
    }
    let late = it.shard.changes(all(here), now()).await.unwrap_err();
    assert_eq!(late.code, ErrorCode::DeadlineExceeded);
    assert_eq!(ids(&changes(&it, all(Position { seq: Seq::ZERO, ..here })).await.documents), ["a"]);
}

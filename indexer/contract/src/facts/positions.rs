//! Which states may be asked for.

use super::Make;
use crate::given::{after, id, on_a_line, put, search, soon};
use crate::subject::Subject;
use annuli_api::shard_api::{Position, ShardList, ShardSearch};
use annuli_api::{ErrorCode, Failure};
use annuli_core::{HistoryId, Seq};
use uuid::Uuid;

/// What every read says of a caller that knows `position`.
async fn reads(it: &Subject, position: Position) -> [Result<Position, Failure>; 4] {
    let read = after(position);
    let list = ShardList { behind: None, limit: 1, filter: None };
    let search = ShardSearch { read, ..search(&[0.0], 1) };
    [
        it.shard.search(search, soon()).await.map(|hits| hits.position),
        it.shard.get(vec![id("a")], read, soon()).await.map(|got| got.position),
        it.shard.list(list, read, soon()).await.map(|listed| listed.position),
        it.shard.count(None, read, soon()).await.map(|counted| counted.position),
    ]
}

/// And the answer is of that position or a later one.
pub async fn what_was_read_or_written_may_be_asked_for(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let first = it.write(vec![put("a", &[1.0])]).await.position;
    let second = it.write(vec![put("b", &[1.0])]).await.position;
    assert_eq!(first.history, second.history);
    for known in [first, second] {
        for position in reads(&it, known).await {
            assert_eq!(position.unwrap(), second);
        }
    }
}

/// The shard was restored since, or is another.
pub async fn a_position_of_another_history_is_refused(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let here = it.write(vec![put("a", &[1.0])]).await.position;
    let elsewhere = Position { history: HistoryId(Uuid::from_u128(1)), ..here };
    for position in reads(&it, elsewhere).await {
        assert_eq!(position.unwrap_err().code, ErrorCode::StaleToken);
    }
}

/// Writes were lost.
pub async fn a_position_that_lies_ahead_is_refused(make: &impl Make) {
    let it = make.make(on_a_line()).await;
    let here = it.write(vec![put("a", &[1.0])]).await.position;
    let ahead = Position { seq: Seq(here.seq.0 + 1), ..here };
    for position in reads(&it, ahead).await {
        assert_eq!(position.unwrap_err().code, ErrorCode::StaleToken);
    }
}

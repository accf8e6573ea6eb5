//! A shard over RocksDB keeps the same promises as the model, as one that never seals and as one that seals and merges
//! all the time.

use super::{create, open_with};
use annuli_contract::Subject;
use annuli_core::IndexSchema;
use annuli_indexer::settings::SEAL_POINTS;
use std::sync::Arc;

async fn with_segments_of(seal_points: usize, schema: IndexSchema) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let workspace = open_with(folder.path(), seal_points);
    let index = create(&workspace, schema).await;
    Subject::with(Arc::clone(&index.shards[0]), (workspace, folder))
}

mod in_the_tail {
    use super::{SEAL_POINTS, with_segments_of};

    annuli_contract::hold!(|schema| with_segments_of(SEAL_POINTS.get(), schema));
}

mod in_segments {
    use super::with_segments_of;

    annuli_contract::hold!(|schema| with_segments_of(2, schema));
}

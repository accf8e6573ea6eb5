use super::*;
use crate::clock;
use crate::workspace::tests::{folders, name, open, schema};
use annuli_api::shard_api::{
    Changed, ChangesAsked, ConditionalWrite, Consistency, Include, Position, Read, SearchMode, ShardSearch, Write,
};
use annuli_api::{Catalogue, ShardApi};
use annuli_core::{Seq, ShardCount};
use std::sync::atomic::Ordering;
use std::time::Duration;

fn add(bulk: &mut Bulk, number: u16, components: [f32; 2]) -> Result<(), BulkError> {
    let id = DocId::new(&format!("doc-{number:03}")).unwrap();
    bulk.add(id, Vector::new(components.to_vec()).unwrap(), Metadata::default())
}

async fn nearest(shard: &Arc<dyn ShardApi>, place: f32) -> Vec<String> {
    let queries = [Vector::new(vec![place, 0.0]).unwrap()].into();
    let include = Include { metadata: false, vector: false };
    let read = Read { include, after: None, consistency: Consistency::Replica };
    let search = ShardSearch { queries, k: 3, mode: SearchMode::Exact, filter: None, except: None, read };
    let found = shard.search(search, clock::now() + Duration::from_secs(60)).await.unwrap();
    found.results[0].iter().map(|hit| hit.id.to_string()).collect()
}

#[tokio::test]
async fn documents_that_do_not_fit_into_one_segment_are_in_several() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("large"), schema()).unwrap();
    for number in 0..250 {
        add(&mut bulk, number, [-1.0, f32::from(number)]).unwrap();
    }
    // Every second again, elsewhere.
    for number in (0..250).step_by(2) {
        add(&mut bulk, number, [f32::from(number), 0.0]).unwrap();
    }
    let Bulk { loading, new, workspace: same, .. } = bulk;
    let built = AtomicUsize::new(0);
    let graphs = Graphs { new: &new, schema: schema(), threads: 2, segment_points_max: 100, built: &built };
    for (shard, store) in loading.finish().unwrap() {
        assert_eq!(graphs.build(shard, &store).unwrap(), 250);
        let rows: Vec<_> = store.segments().unwrap().iter().map(|segment| segment.rows).collect();
        assert_eq!((rows, store.replay_after().unwrap()), (vec![100, 100, 50], Some(Seq(375))));
    }
    assert_eq!(built.load(Ordering::Relaxed), 250);
    new.publish(&name("large")).unwrap();
    drop((workspace, same));

    // They are merged now, if anybody has the time.
    let workspace = open(root.path());
    let index = workspace.resolve(&name("large")).unwrap();
    let status = index.shards[0].status().await.unwrap();
    assert_eq!((status.documents, status.position.seq), (250, Seq(375)));
    assert_eq!(nearest(&index.shards[0], 100.2).await, ["doc-100", "doc-102", "doc-098"]);
}

#[tokio::test]
async fn who_asks_for_changes_of_before_is_told_that_there_is_no_log_of_them() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    (0..3).for_each(|number| add(&mut bulk, number, [1.0, 2.0]).unwrap());
    bulk.finish(&AtomicUsize::new(0)).unwrap();
    let shard = Arc::clone(&workspace.resolve(&name("new")).unwrap().shards[0]);
    let now = shard.status().await.unwrap().position;
    let changes = async |seq| {
        let after = Position { seq: Seq(seq), ..now };
        let asked = ChangesAsked { after, owner: ShardId(0), shards: ShardCount::ONE, limit: 10 };
        shard.changes(asked, clock::now() + Duration::from_secs(60)).await
    };
    assert!(changes(0).await.unwrap_err().message.contains("does not reach back as far"));
    assert!(changes(2).await.is_err());
    assert_eq!(changes(3).await.unwrap().documents, []);
    let id = DocId::new("doc-001").unwrap();
    let writes = vec![ConditionalWrite { write: Write::Delete { id: id.clone() }, if_seq: None }];
    shard.write(writes, clock::now() + Duration::from_secs(60)).await.unwrap();
    assert_eq!(changes(3).await.unwrap().documents, [Changed::Gone { id }]);
}

#[test]
fn what_is_given_up_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    add(&mut bulk, 1, [1.0, 2.0]).unwrap();
    assert_eq!(folders(root.path()).len(), 1);
    drop(bulk);
    assert_eq!(folders(root.path()), Vec::<String>::new());
    assert!(workspace.resolve(&name("new")).is_err());
}

#[test]
fn what_the_index_cannot_take_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let mut bulk = workspace.bulk(&name("new"), schema()).unwrap();
    let wrong = bulk.add(DocId::new("a").unwrap(), Vector::new(vec![1.0]).unwrap(), Metadata::default()).unwrap_err();
    assert_eq!(wrong.to_string(), "vector of document `a` has 1 dimensions, the index has 2");
    assert_eq!(bulk.finish(&AtomicUsize::new(0)).unwrap(), 0);
    let taken = workspace.bulk(&name("new"), schema()).err().unwrap().to_string();
    assert_eq!(taken, "index or alias `new` exists: delete it first, or choose another name");
}

/// It was noticed when the index was whole, and could not get its name.
#[test]
fn what_is_in_the_way_is_told_before_anything_is_loaded() {
    let root = tempfile::tempdir().unwrap();
    let workspace = open(root.path());
    let way = root.path().join("new");
    let check = || {
        let told = workspace.bulk(&name("new"), schema()).err().expect("something is in the way").to_string();
        let want = format!("`{}` is there and is no index: move it away, or choose another name", way.display());
        assert_eq!((told, folders(root.path())), (want, vec!["new".to_owned()]));
    };
    std::fs::create_dir_all(way.join("mine")).unwrap();
    check();
    std::fs::remove_dir_all(&way).unwrap();
    std::os::unix::fs::symlink("nowhere", &way).unwrap();
    check();
    std::fs::remove_file(&way).unwrap();
    assert!(workspace.bulk(&name("new"), schema()).is_ok());
}

//! A shard that seals and merges all the time, beside a plain map: both answer the same, whatever happens and whenever
//! the shard is opened again.

use super::{create, id, name, number, open_with, read, schema, soon, write};
use annuli_api::Catalogue;
use annuli_api::shard_api::{Consistency, Include, Read, SearchMode, ShardApi, ShardHit, ShardSearch, Write};
use annuli_core::filter::{FieldPath, Scalar, Test};
use annuli_core::metric::PreparedQuery;
use annuli_core::{Filter, Metadata, Metric, Number, Vector};
use annuli_indexer::Workspace;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use tempfile::TempDir;

const DIM: usize = 3;

/// Documents that there may be: few, so that they are written over and over.
const DOCUMENTS: usize = 120;

struct Pair {
    folder: TempDir,
    workspace: Option<Workspace>,
    shard: Arc<dyn ShardApi>,
    plain: BTreeMap<String, (Vector, i64)>,
    metric: Metric,
    random: StdRng,
    seal_points: usize,
}

impl Pair {
    async fn new(metric: Metric, seal_points: usize, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = open_with(folder.path(), seal_points);
        let shard = Arc::clone(&create(&workspace, schema(DIM as u64, metric)).await.shards[0]);
        let (plain, random) = (BTreeMap::new(), StdRng::seed_from_u64(seed));
        Self { folder, workspace: Some(workspace), shard, plain, metric, random, seal_points }
    }

    async fn do_something(&mut self) {
        match self.random.random_range(0..100) {
            0..35 => self.put_some().await,
            35..45 => self.patch_one().await,
            45..55 => self.delete_some().await,
            55..57 => self.delete_matching().await,
            57..97 => self.search().await,
            _ => self.open_again(),
        }
    }

    fn some_id(&mut self) -> String {
        format!("{:03}", self.random.random_range(0..DOCUMENTS))
    }

    /// Whole numbers lie at equal distances often, and are kept exactly by codes; fractions are neither.
    fn some_vector(&mut self) -> Vector {
        let whole = self.random.random_bool(0.5);
        let mut component = || {
            let number = self.random.random_range(-3.0f32..3.0);
            if whole { number.round() } else { number }
        };
        let mut components = [component(), component(), component()];
        // Under cosine a vector needs a direction.
        components[0] += if components.iter().all(|component| component.to_bits() << 1 == 0) { 1.0 } else { 0.0 };
        Vector::new(components.to_vec()).unwrap()
    }

    async fn put_some(&mut self) {
        let mut writes = Vec::new();
        for _ in 0..self.random.random_range(1..12) {
            let (text, vector, n) = (self.some_id(), self.some_vector(), self.random.random_range(0..4));
            writes.push(Write::Put { id: id(&text), vector: vector.clone(), metadata: number("n", n) });
            self.plain.insert(text, (vector, n));
        }
        write(&self.shard, writes).await.unwrap();
    }

    async fn patch_one(&mut self) {
        let (text, n) = (self.some_id(), self.random.random_range(0..4));
        write(&self.shard, vec![Write::Patch { id: id(&text), vector: None, metadata: Some(number("n", n)) }])
            .await
            .unwrap();
        self.plain.entry(text).and_modify(|document| document.1 = n);
    }

    async fn delete_some(&mut self) {
        let ids: Vec<_> = (0..self.random.random_range(1..8)).map(|_| self.some_id()).collect();
        write(&self.shard, ids.iter().map(|text| Write::Delete { id: id(text) }).collect()).await.unwrap();
        ids.iter().for_each(|text| drop(self.plain.remove(text)));
    }

    async fn delete_matching(&mut self) {
        let deleted = self.shard.delete_matching(Arc::new(is(1)), soon()).await.unwrap().deleted;
        let before = self.plain.len();
        self.plain.retain(|_, (_, n)| *n != 1);
        assert_eq!(deleted, (before - self.plain.len()) as u64);
    }

    async fn search(&mut self) {
        let n = self.random.random_bool(0.5).then(|| self.random.random_range(0..4));
        let k = self.random.random_range(1..30);
        let mode = if self.random.random_bool(0.5) { SearchMode::Exact } else { SearchMode::Approximate { ef: 10 } };
        let query = self.some_vector();
        let search = ShardSearch {
            queries: [query.clone()].into(),
            k,
            mode,
            filter: n.map(|n| Arc::new(is(n))),
            except: None,
            read: Read {
                include: Include { metadata: true, vector: true },
                after: None,
                consistency: Consistency::Replica,
            },
        };
        let found = self.shard.search(search, soon()).await.unwrap().results.remove(0);
        assert_eq!(found.iter().map(whole).collect::<Vec<_>>(), self.nearest(&query, k, n));
        let count = self.shard.count(n.map(|n| Arc::new(is(n))), read(false), soon()).await.unwrap().count;
        assert_eq!(count, self.matching(n).count() as u64);
    }

    fn matching(&self, wanted: Option<i64>) -> impl Iterator<Item = (&String, &(Vector, i64))> {
        self.plain.iter().filter(move |(_, (_, n))| wanted.is_none_or(|wanted| wanted == *n))
    }

    fn nearest(&self, query: &Vector, k: usize, n: Option<i64>) -> Vec<Whole> {
        let query = PreparedQuery::new(self.metric, query);
        let mut all: Vec<_> = self
            .matching(n)
            .map(|(id, (vector, n))| (query.distance(vector).to_bits(), id.clone(), bits(vector), number("n", *n)))
            .collect();
        all.sort_by(|a, b| f32::from_bits(a.0).total_cmp(&f32::from_bits(b.0)).then_with(|| a.1.cmp(&b.1)));
        all.truncate(k);
        all
    }

    fn open_again(&mut self) {
        // A workspace keeps its folder locked until it is gone.
        drop(self.workspace.take());
        let workspace = open_with(self.folder.path(), self.seal_points);
        self.shard = Arc::clone(&workspace.resolve(&name("test")).unwrap().shards[0]);
        self.workspace = Some(workspace);
    }
}

/// Distance, id, vector, metadata.
type Whole = (u32, String, Vec<u32>, Metadata);

fn whole(hit: &ShardHit) -> Whole {
    let (vector, metadata) = (hit.vector.as_ref().unwrap(), hit.metadata.clone().unwrap());
    (hit.distance.to_bits(), hit.id.to_string(), bits(vector), metadata)
}

fn bits(vector: &Vector) -> Vec<u32> {
    vector.as_slice().iter().map(|component| component.to_bits()).collect()
}

fn is(n: i64) -> Filter {
    Filter::Field(FieldPath::new("n"), Test::Equal(Scalar::Number(Number::Integer(i128::from(n)))))
}

async fn check(metric: Metric, seed: u64) {
    for seal_points in [1, 4, 25] {
        let mut pair = Pair::new(metric, seal_points, seed).await;
        for _ in 0..400 {
            pair.do_something().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_answers_as_a_plain_map_does_under_cosine() {
    check(Metric::Cosine, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_answers_as_a_plain_map_does_under_euclidean_distance() {
    check(Metric::Euclidean, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_answers_as_a_plain_map_does_under_the_inner_product() {
    check(Metric::InnerProduct, 3).await;
}

//! What a process that holds a shard tells those who watch over it.

use crate::process_figures::{self, RunsAs};
use annuli_api::shard_api::ShardStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_cluster::Trail;
use annuli_core::{Generation, IndexName, ShardId};
use annuli_indexer::shard::ShardParts;
use annuli_wire::CallMeters;
use prometheus::proto::MetricFamily;
use prometheus::{GaugeVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use std::collections::BTreeMap;

/// Why a meter can be made and listed.
const SOUND: &str = "each is listed once, under names and labels of letters and underscores";

/// What is counted as it happens.
pub(super) struct Figures {
    registry: Registry,
    ready: IntGauge,
    pub(super) calls: CallMeters,
}

impl Figures {
    /// Those of a process, and of shards with these parts.
    pub(super) fn new(role: RunsAs, parts: &ShardParts) -> Self {
        let (registry, calls) = (Registry::new(), CallMeters::default());
        process_figures::register(&registry, role);
        parts.meters.register(&registry, &parts.search_pool);
        calls.register(&registry);
        let ready = IntGauge::new("annuli_ready", "1 while the process serves what it is to serve, as /readyz says.");
        let ready = ready.expect(SOUND);
        registry.register(Box::new(ready.clone())).expect(SOUND);
        Self { registry, ready, calls }
    }

    /// Where more of the process may be listed.
    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// All of them, with what the shards were found to be.
    pub(super) fn text(&self, ready: bool, shards: Vec<MetricFamily>) -> Result<String, Failure> {
        self.ready.set(i64::from(ready));
        let mut families = self.registry.gather();
        families.extend(shards);
        let failed = |error| Failure::new(ErrorCode::Internal, format_args!("the metrics cannot be written: {error}"));
        TextEncoder::new().encode_to_string(&families).map_err(failed)
    }
}

/// A generation that a replica has.
pub(super) struct LookedGeneration {
    pub(super) index: IndexName,
    pub(super) generation: Generation,
    /// `None`: it does not serve.
    pub(super) status: Option<ShardStatus>,
    /// Whether it is told what changes.
    pub(super) follows: bool,
    /// How far it trails its primary; `None`: this replica follows nobody.
    pub(super) trail: Option<Trail>,
}

/// The figures of a replica's generations: of each index together, since each rollout brings another number.
pub(super) fn generation_figures(shard: ShardId, held: &[LookedGeneration]) -> Vec<MetricFamily> {
    let registry = Registry::new();
    let gauge = |name, help, labels: &[&str]| {
        let gauge = IntGaugeVec::new(Opts::new(name, help), labels).expect(SOUND);
        registry.register(Box::new(gauge.clone())).expect(SOUND);
        gauge
    };
    let labels = ["index", "shard"];
    let newest = gauge("annuli_held_generation", "The newest generation that this replica serves.", &labels);
    let documents = gauge("annuli_held_documents", "Live documents in it.", &labels);
    let help = "Segments of all generations that it has; their codes and links are in memory.";
    let bytes = gauge("annuli_held_segment_bytes", help, &labels);
    let help = "Generations that this replica has, by state: ready or damaged.";
    let generations = gauge("annuli_held_generations", help, &["index", "shard", "state"]);
    let mut by_index: BTreeMap<&IndexName, Vec<&LookedGeneration>> = BTreeMap::new();
    held.iter().for_each(|looked| by_index.entry(&looked.index).or_default().push(looked));
    for (index, held) in by_index {
        let (index, shard) = (index.as_str(), shard.to_string());
        let ready: Vec<_> = held.iter().filter_map(|looked| Some((looked.generation, looked.status?))).collect();
        let (of_ready, of_damaged) = (ready.len(), held.len() - ready.len());
        generations.with_label_values(&[index, &shard, "ready"]).set(clamped(of_ready as u64));
        generations.with_label_values(&[index, &shard, "damaged"]).set(clamped(of_damaged as u64));
        let segments = ready.iter().map(|(_, status)| status.segments.bytes).fold(0, u64::saturating_add);
        bytes.with_label_values(&[index, &shard]).set(clamped(segments));
        if let Some((generation, status)) = ready.iter().max_by_key(|(generation, _)| *generation) {
            newest.with_label_values(&[index, &shard]).set(clamped(generation.0));
            documents.with_label_values(&[index, &shard]).set(clamped(status.documents));
        }
    }
    registry.gather()
}

/// The figures of a replica that follows: of each index, how far its newest generation trails the primary.
pub(super) fn following_figures(shard: ShardId, held: &[LookedGeneration], bytes: usize) -> Vec<MetricFamily> {
    let registry = Registry::new();
    let of_index = |name, help| {
        let gauge = GaugeVec::new(Opts::new(name, help), &["index", "shard"]).expect(SOUND);
        registry.register(Box::new(gauge.clone())).expect(SOUND);
        gauge
    };
    let follows =
        of_index("annuli_following", "1 while it is told what changes; 0 while it waits for its next generation.");
    let seq = of_index("annuli_following_seq", "The last write of the primary that it has.");
    let help = "Writes of the primary that it does not have, as far as it has heard of them.";
    let changes = of_index("annuli_following_behind_changes", help);
    let help = "How long ago it had everything that the primary had.";
    let seconds = of_index("annuli_following_behind_seconds", help);
    let help = "Memory for what has changed since the dumps, of all generations.";
    let memory = IntGauge::new("annuli_following_bytes", help).expect(SOUND);
    registry.register(Box::new(memory.clone())).expect(SOUND);
    memory.set(clamped(bytes as u64));
    let mut newest = BTreeMap::new();
    for looked in held {
        let LookedGeneration { index, generation, follows, .. } = looked;
        let (Some(status), Some(trail)) = (looked.status, looked.trail) else { continue };
        let found = newest.entry(index).or_insert((generation, status, trail, follows));
        if found.0 < generation {
            *found = (generation, status, trail, follows);
        }
    }
    let shard = shard.to_string();
    for (index, (_, status, trail, is_told)) in newest {
        let (labels, here) = ([index.as_str(), shard.as_str()], status.position.seq.0);
        follows.with_label_values(&labels).set(f64::from(u8::from(*is_told)));
        seq.with_label_values(&labels).set(here as f64);
        seconds.with_label_values(&labels).set(trail.since_even.as_secs_f64());
        // The others are told of no more of them.
        if *is_told {
            changes.with_label_values(&labels).set(trail.primary.0.saturating_sub(here) as f64);
        }
    }
    registry.gather()
}

fn clamped(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_api::shard_api::{Position, SegmentsStatus, TailStatus};
    use annuli_core::{HistoryId, Seq};
    use std::time::Duration;
    use uuid::Uuid;

    fn looked(generation: u64, seq: u64, follows: bool) -> LookedGeneration {
        let status = ShardStatus {
            shard: ShardId(0),
            position: Position { history: HistoryId(Uuid::nil()), seq: Seq(seq) },
            documents: 0,
            pending: 0,
            queued: 0,
            store_bytes: 0,
            segments: SegmentsStatus::default(),
            tail: TailStatus::default(),
            seal: None,
            merge: None,
        };
        let trail = Some(Trail { primary: Seq(100), since_even: Duration::from_secs(3) });
        let (index, generation) = (IndexName::new("faces").unwrap(), Generation(generation));
        LookedGeneration { index, generation, status: Some(status), follows, trail }
    }

    /// What is told of the index, by name.
    #[track_caller]
    fn check(held: &[LookedGeneration], want: &[(&str, f64)]) {
        let families = following_figures(ShardId(0), held, 7);
        let of_index = families.iter().filter(|family| family.name() != "annuli_following_bytes");
        let figure = |family: &MetricFamily| (family.name().to_owned(), family.get_metric()[0].get_gauge().get_value());
        let told: BTreeMap<_, _> = of_index.map(figure).collect();
        assert_eq!(told, want.iter().map(|&(name, value)| (name.to_owned(), value)).collect());
    }

    /// The older one went on, and it was told that the index does.
    #[test]
    fn the_newest_generation_says_whether_an_index_follows() {
        let seconds = ("annuli_following_behind_seconds", 3.0);
        let ended = [("annuli_following", 0.0), ("annuli_following_seq", 70.0), seconds];
        check(&[looked(2, 70, false), looked(1, 90, true)], &ended);
        let changes = ("annuli_following_behind_changes", 10.0);
        let follows = [("annuli_following", 1.0), ("annuli_following_seq", 90.0), changes, seconds];
        check(&[looked(1, 70, false), looked(2, 90, true)], &follows);
    }
}

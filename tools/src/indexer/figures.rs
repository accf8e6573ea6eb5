//! What a process that holds a shard tells those who watch over it.

use crate::process_figures::{self, RunsAs};
use annuli_api::shard_api::ShardStatus;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Generation, IndexName, ShardId};
use annuli_indexer::shard::ShardParts;
use annuli_wire::CallMeters;
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
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

fn clamped(figure: u64) -> i64 {
    i64::try_from(figure).unwrap_or(i64::MAX)
}

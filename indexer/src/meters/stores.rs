//! RocksDB's own figures, of all stores of a process together: as they are when somebody looks.

use crate::shard::StoreSlot;
use crate::store::{Pressure, Store};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{IntGauge, Opts};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The stores that are open. A clone knows the same.
#[derive(Clone, Default)]
pub(super) struct OpenStores(Arc<Mutex<Vec<Weak<StoreSlot>>>>);

impl fmt::Debug for OpenStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStores").finish_non_exhaustive()
    }
}

impl OpenStores {
    pub(super) fn add(&self, store: &Arc<StoreSlot>) {
        let mut stores = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|store| store.strong_count() > 0);
        stores.push(Arc::downgrade(store));
    }

    /// How each is that is open now and is not being closed.
    fn pressures(&self) -> Vec<Pressure> {
        let stores = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stores = stores.iter().filter_map(Weak::upgrade);
        stores.filter_map(|store| store.try_with(Store::pressure)).collect()
    }
}

/// A figure of all stores.
struct Figure {
    name: &'static str,
    help: &'static str,
    of: fn(&Pressure) -> u64,
}

const FIGURES: [Figure; 7] = [
    Figure { name: "annuli_stores", help: "Stores that are open, one for each shard and generation.", of: |_| 1 },
    Figure {
        name: "annuli_store_memtable_bytes",
        help: "Memory of RocksDB for what was written last.",
        of: |pressure| pressure.memtable_bytes,
    },
    Figure {
        name: "annuli_store_cache_bytes",
        help: "Memory of RocksDB for blocks that were read.",
        of: |pressure| pressure.cache_bytes,
    },
    Figure {
        name: "annuli_store_table_readers_bytes",
        help: "Memory of RocksDB for the filters and indexes of its tables.",
        of: |pressure| pressure.table_readers_bytes,
    },
    Figure {
        name: "annuli_store_compaction_pending_bytes",
        help: "What RocksDB has still to write again, estimated.",
        of: |pressure| pressure.compaction_pending_bytes,
    },
    Figure {
        name: "annuli_store_compactions_running",
        help: "Compactions of RocksDB that are under way.",
        of: |pressure| pressure.compactions,
    },
    Figure {
        name: "annuli_stores_stalled",
        help: "Stores whose writes RocksDB slows down or has stopped, until it has caught up.",
        of: |pressure| u64::from(pressure.stalled),
    },
];

/// Looks at the stores when it is asked.
pub(super) struct StoreFigures {
    stores: OpenStores,
    gauges: [IntGauge; FIGURES.len()],
}

impl StoreFigures {
    pub(super) fn new(stores: OpenStores) -> Self {
        let gauge = |figure: Figure| IntGauge::with_opts(Opts::new(figure.name, figure.help)).expect(super::NAMED_WELL);
        Self { stores, gauges: FIGURES.map(gauge) }
    }
}

impl Collector for StoreFigures {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let pressures = self.stores.pressures();
        for (gauge, figure) in self.gauges.iter().zip(&FIGURES) {
            let sum = pressures.iter().map(figure.of).fold(0, u64::saturating_add);
            gauge.set(i64::try_from(sum).unwrap_or(i64::MAX));
        }
        self.gauges.iter().flat_map(Collector::collect).collect()
    }
}

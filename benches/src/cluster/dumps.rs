//! Dumps of a server that holds everything: taken, checked, restored, beside what the system's tools make of the same
//! files; and what a dump does to those who write meanwhile.

use super::processes::{Cluster, Size};
use super::results::{DumpRound, Dumps, Onto, WritesRound};
use super::{Failed, Settings, limits, writes};
use crate::clock::{Stopwatch, pause};
use crate::dataset::Dataset;
use crate::figures::median;
use crate::progress::Progress;
use crate::remote_index::RemoteIndex;
use crate::server::Program;
use crate::tool;
use annuli_api::v1::dump::DumpInfo;
use limits::Archives;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// Measures all of it; ours and the tools in turns.
pub(super) fn measure(settings: &Settings, dataset: &Dataset, progress: &Progress) -> Result<Dumps, Failed> {
    progress.tell("starting and filling our own server");
    let program = Program::new(&settings.program, settings.shards)?;
    let process = program.start()?;
    let index = settings.fill(&process.address, dataset, settings.shards)?;
    let bench = Bench { settings, program: &program, index: &index, dataset };
    let (mut rounds, mut writes) = (Vec::new(), Vec::new());
    let mut sizes = None;
    for round in 1..=settings.rounds.get() {
        progress.tell(&format!("dumps, tar and cp, round {round} of {}", settings.rounds));
        let (timed, size) = bench.round()?;
        rounds.push(timed);
        sizes = Some(size);
        writes.push(bench.writes()?);
    }
    let sizes = sizes.expect("at least one round");
    progress.tell("restoring onto another number of shards");
    let onto_more_shards = bench.onto_more_shards()?;
    drop(process);
    progress.tell("starting, filling and dumping a cluster");
    let cluster_rounds = of_cluster(settings, dataset)?;
    let of = |figure: fn(&DumpRound) -> f64| median(rounds.iter().map(figure)).expect("at least one round");
    let of_writes = |figure: fn(&WritesRound) -> f64| median(writes.iter().map(figure)).expect("at least one round");
    Ok(Dumps {
        shards: settings.shards,
        content_bytes: sizes.content,
        archive_bytes: sizes.archives,
        packed_bytes: sizes.packed,
        dump_seconds: of(|round| round.dump_seconds),
        verify_seconds: of(|round| round.verify_seconds),
        restore_seconds: of(|round| round.restore_seconds),
        pack_seconds: of(|round| round.pack_seconds),
        copy_seconds: of(|round| round.copy_seconds),
        unpack_seconds: of(|round| round.unpack_seconds),
        onto_more_shards,
        cluster_seconds: median(cluster_rounds.iter().copied()).expect("at least one round"),
        write_p99_ms: of_writes(|round| round.alone.p99_ms),
        write_while_dumped_p99_ms: of_writes(|round| round.while_dumped.p99_ms),
        rounds,
        cluster_rounds,
        writes,
    })
}

struct Bench<'a> {
    settings: &'a Settings,
    program: &'a Program,
    index: &'a RemoteIndex,
    dataset: &'a Dataset,
}

/// Of one dump, in bytes.
struct Sizes {
    content: u64,
    archives: u64,
    packed: u64,
}

impl Bench<'_> {
    /// One dump, and everything that is made of it.
    fn round(&self) -> Result<(DumpRound, Sizes), Failed> {
        let (dump, dump_seconds) = self.dump()?;
        let [unpacked, packed, copied] = ["unpacked", "packed.tar.zst", "copied"].map(|name| self.program.beside(name));
        let verify_seconds = self.verify(&dump)?;
        let restore_seconds = self.restore(&dump, None)?;
        let unpack_seconds = self.archives(&dump).unpack(&unpacked)?;
        let pack_seconds = limits::pack(&unpacked, &packed)?;
        let copy_seconds = limits::copy(&unpacked, &copied)?;
        let sizes = Sizes { content: limits::bytes(&unpacked)?, archives: dump.bytes, packed: limits::bytes(&packed)? };
        for made in [unpacked, packed, copied] {
            limits::remove(&made)?;
        }
        self.index.delete_dump(&dump)?;
        let round =
            DumpRound { dump_seconds, verify_seconds, restore_seconds, pack_seconds, copy_seconds, unpack_seconds };
        Ok((round, sizes))
    }

    fn dump(&self) -> Result<(DumpInfo, f64), Failed> {
        let watch = Stopwatch::start();
        let dump = self.index.dump()?;
        Ok((dump, watch.seconds()))
    }

    /// Single documents, first while nothing else is done, then for at least as long while one dump follows another.
    fn writes(&self) -> Result<WritesRound, Failed> {
        let at_least = Duration::from_secs_f64(self.settings.seconds_per_round);
        let ((), alone) = writes::while_doing(self.index, self.dataset, || {
            pause(at_least);
            Ok(())
        })?;
        let (dumps, while_dumped) = writes::while_doing(self.index, self.dataset, || {
            let (watch, mut dumps) = (Stopwatch::start(), Vec::new());
            while dumps.is_empty() || watch.elapsed() < at_least {
                dumps.push(self.index.dump()?);
            }
            Ok(dumps)
        })?;
        // Only now: to remove files is work for the disk as well.
        dumps.iter().try_for_each(|dump| self.index.delete_dump(dump))?;
        Ok(WritesRound { dumps: dumps.len(), alone, while_dumped })
    }

    fn verify(&self, dump: &DumpInfo) -> Result<f64, Failed> {
        let watch = Stopwatch::start();
        tool::output(self.dump_command("verify", dump).arg("--dumps").arg(self.store()))?;
        Ok(watch.seconds())
    }

    /// Into a workspace of its own, which is removed again.
    fn restore(&self, dump: &DumpInfo, shards: Option<u32>) -> Result<f64, Failed> {
        let workspace = self.program.beside("restored");
        let mut command = self.dump_command("restore", dump);
        command.arg("--dumps").arg(self.store()).arg("--workspace").arg(&workspace).args(["--index", &dump.index]);
        command.args(shards.map(|shards| format!("--shards={shards}")));
        let watch = Stopwatch::start();
        tool::output(&mut command)?;
        let seconds = watch.seconds();
        limits::remove(&workspace)?;
        Ok(seconds)
    }

    /// Once: documents are written anew, which takes long. Their graphs are built by who serves them.
    fn onto_more_shards(&self) -> Result<Onto, Failed> {
        let (dump, _) = self.dump()?;
        let shards = self.settings.shards + 1;
        Ok(Onto { shards, seconds: self.restore(&dump, Some(shards))? })
    }

    fn dump_command(&self, what: &str, dump: &DumpInfo) -> Command {
        let mut command = Command::new(&self.settings.program);
        command.args(["dump", what, &dump.dump.to_string()]);
        command
    }

    fn archives(&self, dump: &DumpInfo) -> Archives {
        let folder = self.store().join(dump.index_uuid.to_string()).join(dump.dump.to_string());
        Archives::of_dump(folder, dump.shards)
    }

    /// Where a server keeps its dumps unless it is told otherwise.
    fn store(&self) -> PathBuf {
        self.program.workspace().join(".dumps")
    }
}

/// Seconds that each dump of a cluster takes, with a process for each shard.
fn of_cluster(settings: &Settings, dataset: &Dataset) -> Result<Vec<f64>, Failed> {
    let size = Size { shards: settings.shards, replicas: 0, routers: 1 };
    let cluster = Cluster::start(&settings.program, size)?;
    let index = settings.fill(cluster.address(0), dataset, settings.shards)?;
    let dump = |_| {
        let watch = Stopwatch::start();
        index.dump()?;
        Ok(watch.seconds())
    };
    (0..settings.rounds.get()).map(dump).collect()
}

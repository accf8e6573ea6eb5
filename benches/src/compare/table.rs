//! The results as a page for people: Markdown, also fit for a terminal. Ratios first.

use super::goals::{Measured, Outcome};
use super::ratio::{self, Ratio, Reading};
use super::{Comparison, Results, cluster_table, own_table, server_table};
use crate::library::TARGETS;
use crate::library::frontier::AtRecall;
use crate::library::results::{PeerResults, Series};
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// The whole page.
pub(crate) fn markdown(results: &Results) -> String {
    let facts: Vec<String> = facts(results).into_iter().map(|(name, value)| format!("- {name}: {value}")).collect();
    let mut sections = vec!["# Annuli beside its peers".to_owned(), facts.join("\n")];
    if !results.goals.is_empty() {
        sections.push(goals(&results.goals));
    }
    sections.extend(results.datasets.iter().map(dataset));
    sections.extend(own_table::growth(&results.growth));
    sections.push(HOW_TO_READ.to_owned());
    sections.join("\n\n") + "\n"
}

/// What every reader has to know.
pub(crate) const HOW_TO_READ: &str = "\
Ratios are ours ÷ the peer's at equal recall@10: above 1 ours is faster, for builds and memory below 1 ours takes less. \
Speeds are queries a second, on the line through the logarithms of the two measured points around a recall. `≥` (`≤` \
in a ratio that the peer bounds): the narrowest beam finds more than that already, and nothing is read beyond the \
measured ends; `–`: not reached. One thread is timed by the processor's clock, several by the wall's; of each chunk of \
1,000 queries the best of the rounds counts. Memory is what the index adds to its process (Pss). Builds are timed \
once, by the wall's clock, with the processor's in parentheses.";

/// What the figures belong to.
pub(crate) fn facts(results: &Results) -> Vec<(&'static str, String)> {
    let (machine, settings) = (&results.machine, &results.settings.libraries);
    let lines = [
        ("date", results.date.clone()),
        ("revision", results.revision.clone()),
        ("processor", machine.cpu.clone()),
        ("cores", machine.cores.map(|cores| cores.to_string())),
        ("memory", machine.memory_bytes.map(|bytes| format!("{} MiB", bytes >> 20))),
        ("kernels", machine.simd.last().map(|&form| form.to_owned())),
        ("Linux", machine.kernel.clone()),
        ("rounds", Some(settings.rounds.to_string())),
        (
            "graphs",
            Some(format!(
                "m {}, ef_construction {}, built on {} threads",
                settings.m, settings.ef_construction, settings.build_threads
            )),
        ),
    ];
    lines.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn goals(outcomes: &[Outcome]) -> String {
    let mut table = table(["what is wanted", "goal", "measured", ""].map(str::to_owned).to_vec());
    table.add_rows(outcomes.iter().map(goal_cells));
    table.to_string()
}

/// A goal in words: what of, the bound, what was measured, and whether that is it.
pub(crate) fn goal_cells(outcome: &Outcome) -> [String; 4] {
    let least = outcome.at_least.map(|least| format!("≥ {least}"));
    let wanted = least.or_else(|| outcome.at_most.map(|most| format!("≤ {most}"))).unwrap_or_default();
    let peer = outcome.peer.map(|peer| format!(" ({peer})")).unwrap_or_default();
    let met = match outcome.met() {
        Some(true) => "reached",
        Some(false) => "missed",
        None => "not measured",
    };
    let measured = match outcome.measured {
        Some(Measured::Ratio(ratio)) => ratio_text(Some(ratio)),
        Some(Measured::Seconds(seconds)) => format!("{seconds:.3}"),
        Some(Measured::Count(count)) => count.to_string(),
        None => ratio_text(None),
    };
    [outcome.goal.clone(), wanted, measured + &peer, met.to_owned()]
}

fn dataset(comparison: &Comparison) -> String {
    let Comparison { name, documents, dim, metric, queries, load_average: [before, after], .. } = comparison;
    let load = |load: &Option<f64>| load.map_or("unknown".to_owned(), |load| format!("{load:.2}"));
    let mut parts = vec![
        format!("## {name}"),
        format!(
            "{documents} × {dim}, {metric}; {queries} queries. Load of the machine before: {}, after: {}.",
            load(before),
            load(after)
        ),
    ];
    let threads = threads(&comparison.libraries.peers);
    if let Some(ours) = ratio::ours(&comparison.libraries) {
        parts.push(ratios(ours, comparison, &threads));
    }
    if !comparison.libraries.peers.is_empty() {
        parts.push(absolutes(comparison, &threads));
    }
    if comparison.libraries.peers.iter().any(|peer| !peer.filtered.is_empty()) {
        parts.extend(ratio::ours(&comparison.libraries).map(|ours| filtered_ratios(ours, comparison)));
        parts.push(filtered(comparison));
    }
    parts.extend(own_table::sections(&comparison.own));
    parts.extend(server_table::sections(&comparison.servers));
    parts.extend(cluster_table::sections(&comparison.cluster));
    parts.extend(not_compared(comparison));
    parts.join("\n\n")
}

/// Who is not compared, or not to the end, and why.
pub(super) fn not_compared(comparison: &Comparison) -> Option<String> {
    let skipped = comparison.skipped().map(|skipped| format!("- {}: {}", skipped.peer, skipped.reason));
    let left_out = comparison.left_out.iter().map(|stage| format!("- {}: time was up", stage.as_str()));
    let lines: Vec<String> = skipped.chain(left_out).collect();
    (!lines.is_empty()).then(|| format!("Not compared:\n\n{}", lines.join("\n")))
}

/// Numbers of threads that searches were measured on.
fn threads(peers: &[PeerResults]) -> Vec<usize> {
    let longest = peers.iter().max_by_key(|peer| peer.search.len());
    longest.into_iter().flat_map(|peer| &peer.search).map(|series| series.threads).collect()
}

fn ratios(ours: &PeerResults, comparison: &Comparison, threads: &[usize]) -> String {
    let mut header = vec!["ours ÷".to_owned()];
    header.extend(speed_columns(threads));
    header.extend(["build", "build, processor", "memory"].map(str::to_owned));
    let mut table = table(header);
    for peer in ratio::others(&comparison.libraries) {
        let mut row = vec![peer.name.to_owned()];
        for &threads in threads {
            for recall in TARGETS {
                let ratio = ours.on(threads).zip(peer.on(threads));
                row.push(ratio_text(ratio.and_then(|(ours, theirs)| ratio::speed(ours, theirs, recall))));
            }
        }
        row.push(format!("{:.2}", ours.build.seconds / peer.build.seconds));
        row.push(format!("{:.2}", ours.build.cpu_seconds / peer.build.cpu_seconds));
        let memory = ours.memory.zip(peer.memory).filter(|(_, theirs)| theirs.bytes > 0);
        row.push(memory.map_or("–".to_owned(), |(ours, theirs)| {
            format!("{:.2}", ours.bytes_per_vector / theirs.bytes_per_vector)
        }));
        table.add_row(row);
    }
    align_right(table)
}

fn absolutes(comparison: &Comparison, threads: &[usize]) -> String {
    let mut header = vec!["queries/s".to_owned()];
    header.extend(speed_columns(threads));
    header.extend(["build s", "bytes/vector", "version"].map(str::to_owned));
    let mut table = table(header);
    for peer in &comparison.libraries.peers {
        let mut row = vec![peer.name.to_owned()];
        for &threads in threads {
            row.extend(TARGETS.map(|recall| speed_text(peer.on(threads), recall)));
        }
        row.push(format!("{:.1} ({:.1})", peer.build.seconds, peer.build.cpu_seconds));
        row.push(peer.memory.map_or("–".to_owned(), |memory| format!("{:.0}", memory.bytes_per_vector)));
        row.push(peer.version.clone());
        table.add_row(row);
    }
    align_right(table)
}

fn filtered_ratios(ours: &PeerResults, comparison: &Comparison) -> String {
    let shares = || ours.filtered.iter().map(|filtered| filtered.percent);
    let mut header = vec!["filtered, ours ÷".to_owned()];
    header.extend(shares().flat_map(|share| TARGETS.map(|recall| format!("{share} %: {recall:.2}"))));
    let mut table = table(header);
    for peer in ratio::others(&comparison.libraries).filter(|peer| !peer.filtered.is_empty()) {
        let mut row = vec![peer.name.to_owned()];
        for share in shares() {
            let pair = ours.among(share).zip(peer.among(share));
            let of = |recall| ratio_text(pair.and_then(|(ours, theirs)| ratio::speed(ours, theirs, recall)));
            row.extend(TARGETS.map(of));
        }
        table.add_row(row);
    }
    align_right(table)
}

/// One row for each peer that filters, one column for each share and target.
fn filtered(comparison: &Comparison) -> String {
    let shares = comparison.libraries.peers.iter().find(|peer| !peer.filtered.is_empty());
    let shares: Vec<u8> =
        shares.map(|peer| peer.filtered.iter().map(|filtered| filtered.percent).collect()).unwrap_or_default();
    let mut header = vec!["filtered, queries/s".to_owned()];
    header.extend(shares.iter().flat_map(|share| TARGETS.map(|recall| format!("{share} %: {recall:.2}"))));
    let mut table = table(header);
    for peer in comparison.libraries.peers.iter().filter(|peer| !peer.filtered.is_empty()) {
        let mut row = vec![peer.name.to_owned()];
        for share in &shares {
            row.extend(TARGETS.map(|recall| speed_text(peer.among(*share), recall)));
        }
        table.add_row(row);
    }
    align_right(table)
}

fn speed_columns(threads: &[usize]) -> impl Iterator<Item = String> {
    threads.iter().flat_map(|threads| {
        TARGETS.map(|recall| match threads {
            1 => format!("1 thread: {recall:.2}"),
            threads => format!("{threads} threads: {recall:.2}"),
        })
    })
}

fn speed_text(series: Option<&Series>, recall: f64) -> String {
    at_recall_text(series.and_then(|series| series.at(recall)))
}

pub(super) fn at_recall_text(speed: Option<AtRecall>) -> String {
    match speed {
        Some(AtRecall::Between { queries_per_second }) => format!("{queries_per_second:.0}"),
        Some(AtRecall::AtLeast { queries_per_second, recall }) => format!("≥{queries_per_second:.0} ({recall:.3})"),
        Some(AtRecall::NotReached { recall }) => format!("– ({recall:.3})"),
        None => String::new(),
    }
}

/// A ratio with the sign of its reading.
pub(crate) fn ratio_text(ratio: Option<Ratio>) -> String {
    let Some(Ratio { ratio, reading }) = ratio else { return "–".to_owned() };
    let sign = match reading {
        Reading::Exact => "",
        Reading::AtLeast => "≥",
        Reading::AtMost => "≤",
        Reading::BothAtTheirFastest => "~",
    };
    format!("{sign}{ratio:.2}")
}

/// An empty table.
pub(super) fn table(header: Vec<String>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header);
    table
}

/// The table with its figures under each other.
pub(super) fn align_right(mut table: Table) -> String {
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

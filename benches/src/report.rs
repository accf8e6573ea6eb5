//! The results as a page for people: Markdown, also fit for a terminal.

use crate::recall::Tally;
use crate::remote_index::Shape;
use crate::results::{Cell, DatasetResults, Point, Results, Round};
use crate::settings::Target;
use crate::usage::Memory;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

/// The whole report.
pub(crate) fn markdown(results: &Results) -> String {
    let mut sections = vec!["# Annuli, measured".to_owned(), facts(results)];
    sections.extend(results.datasets.iter().map(dataset));
    sections.push(
        "Recall@10 counts a hit that is at most 0.1 % farther than the tenth true neighbour, and is rounded down. \
         Load is a closed loop; each figure is the median of the rounds, with the least and the most of them where \
         there are several. Clients and program share the machine. Latency is of a request, whatever it carries. \
         Hits carry ids and distances, no metadata."
            .to_owned(),
    );
    sections.join("\n\n") + "\n"
}

/// What the figures belong to.
fn facts(results: &Results) -> String {
    let machine = &results.machine;
    let target = match &results.settings.target {
        Target::Program(path) => path.display().to_string(),
        Target::Address(address) => format!("at {address}; the machine below is that of the clients"),
    };
    let lines = [
        ("date", results.date.clone()),
        ("program", Some(target)),
        ("version", results.program_version.clone()),
        ("revision", results.revision.clone()),
        ("processor", machine.cpu.clone()),
        ("cores", machine.cores.map(|cores| cores.to_string())),
        ("kernels", machine.simd.last().map(|&form| form.to_owned())),
        ("memory", machine.memory_bytes.map(mebibytes)),
        ("Linux", machine.kernel.clone()),
        ("shards", Some(results.settings.shards.to_string())),
        ("rounds", Some(results.settings.rounds.to_string())),
    ];
    known(lines).map(|(name, value)| format!("- {name}: {value}")).collect::<Vec<_>>().join("\n")
}

fn dataset(results: &DatasetResults) -> String {
    let DatasetResults { name, documents, dim, metric, queries, .. } = results;
    let mut parts = vec![
        format!("## {name}"),
        format!("{documents} documents of {dim} dimensions, {metric}; {queries} queries."),
        once(results),
        load(&results.points),
    ];
    if !results.exact.filtered.is_empty() {
        parts.push(filtered(results));
    }
    parts.join("\n\n")
}

/// What is measured once a data set.
fn once(results: &DatasetResults) -> String {
    let (ingest, restart) = (&results.ingest, results.restart.as_ref());
    let seconds = |seconds: f64| format!("{seconds:.2} s");
    let memory = |memory: Memory| {
        format!("{} (peak {})", mebibytes(memory.resident_bytes), mebibytes(memory.peak_resident_bytes))
    };
    let lines = [
        ("load average before", results.load_average_before.map(|load| format!("{load:.2}"))),
        ("documents/s acknowledged", Some(format!("{:.0}", ingest.documents_per_second_acknowledged))),
        ("until all acknowledged", Some(seconds(ingest.seconds_until_acknowledged))),
        ("longest request to store", Some(format!("{:.1} ms", 1e3 * ingest.seconds_of_longest_batch))),
        ("until the graph holds all", Some(seconds(ingest.seconds_until_built))),
        ("processor time of the program until then", ingest.server_cpu_seconds.map(seconds)),
        ("memory then", results.memory_after_build.map(memory)),
        ("memory after the searches", results.memory_after_search.map(memory)),
        (
            "recall@10 of exact search",
            recall(results.exact.tally).map(|recall| format!("{recall} ({} queries)", results.exact.queries)),
        ),
        ("restart: until stopped", restart.map(|restart| seconds(restart.seconds_to_stop))),
        ("restart: until `/readyz`", restart.map(|restart| seconds(restart.seconds_until_ready))),
        ("restart: until the graph holds all", restart.map(|restart| seconds(restart.seconds_until_built))),
        ("restart: memory", restart.and_then(|restart| restart.memory).map(memory)),
        (
            "restart: exact answers changed",
            restart.map(|restart| format!("{} of {}", restart.answers_changed, restart.answers_compared)),
        ),
    ];
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["measured once", ""]);
    table.add_rows(known(lines).map(|(name, value)| [name.to_owned(), value]));
    align_right(table, 1)
}

/// One row for each way to send the queries at each width of the beam.
fn load(points: &[Point]) -> String {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header([
        "ef",
        "queries a request",
        "recall@10",
        "connections",
        "queries/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "program µs/query",
        "clients µs/query",
    ]);
    for point in points {
        for cell in &point.load {
            let tally = match cell.shape {
                Shape::Single => point.single,
                Shape::Batched => point.batched,
            };
            table.add_row(cell_row(point.ef, tally, cell));
        }
    }
    align_right(table, 0)
}

fn cell_row(ef: usize, tally: Tally, cell: &Cell) -> Vec<String> {
    let Some(median) = cell.median else { return vec![ef.to_string()] };
    let microseconds = |figure: Option<f64>| figure.map(|figure| format!("{figure:.0}")).unwrap_or_default();
    vec![
        ef.to_string(),
        cell.shape.queries_per_request().to_string(),
        recall(tally).unwrap_or_default(),
        cell.connections.to_string(),
        format!("{:.0}{}", median.queries_per_second, spread(&cell.rounds)),
        format!("{:.2}", median.p50_ms),
        format!("{:.2}", median.p95_ms),
        format!("{:.2}", median.p99_ms),
        microseconds(median.server_cpu_us_per_query),
        microseconds(median.client_cpu_us_per_query),
    ]
}

/// The least and the most of several rounds.
fn spread(rounds: &[Round]) -> String {
    let mut rates: Vec<f64> = rounds.iter().map(|round| round.figures.queries_per_second).collect();
    rates.sort_by(f64::total_cmp);
    match rates.as_slice() {
        [least, .., most] => format!(" ({least:.0}–{most:.0})"),
        [] | [_] => String::new(),
    }
}

/// Recall of each filter by exact search and at each width of the beam.
fn filtered(results: &DatasetResults) -> String {
    let mut table = Table::new();
    let widths = results.points.iter().map(|point| format!("ef {}", point.ef));
    let header = ["filter", "documents match", "exact"].map(str::to_owned);
    table.load_style(ASCII_MARKDOWN).set_header(header.into_iter().chain(widths));
    for (number, exact) in results.exact.filtered.iter().enumerate() {
        let tallies = [exact.tally].into_iter().chain(results.points.iter().map(|point| point.filtered[number].tally));
        let recalls = tallies.map(|tally| recall(tally).unwrap_or_default());
        // A bar would end the table's cell.
        let filter = format!("`{}`", exact.filter).replace('|', "\\|");
        table.add_row([filter, exact.matches.to_string()].into_iter().chain(recalls));
    }
    align_right(table, 1)
}

/// Rounded down: what is not all is never shown as 1.
fn recall(tally: Tally) -> Option<String> {
    tally.recall().map(|recall| format!("{:.4}", (recall * 1e4).floor() / 1e4))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// What was measured of these.
fn known<const N: usize>(lines: [(&'static str, Option<String>); N]) -> impl Iterator<Item = (&'static str, String)> {
    lines.into_iter().filter_map(|(name, value)| Some((name, value?)))
}

/// The table with its figures, from the given column on, under each other.
fn align_right(mut table: Table, from_column: usize) -> String {
    table.column_iter_mut().skip(from_column).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::tests::good;

    #[test]
    fn recall_is_rounded_down() {
        assert_eq!(recall(Tally { wanted: 100_000, found: 99_999, ..Tally::default() }).as_deref(), Some("0.9999"));
        assert_eq!(recall(Tally { wanted: 10, found: 10, ..Tally::default() }).as_deref(), Some("1.0000"));
        assert_eq!(recall(Tally::default()), None);
    }

    #[test]
    fn a_figure_that_was_not_measured_is_not_shown() {
        let mut results = good();
        assert!(dataset(&results).contains("restart: until stopped"));
        assert!(!dataset(&results).contains("memory after the searches"));
        results.restart = None;
        assert!(!dataset(&results).contains("restart"));
    }

    #[test]
    fn a_row_shows_what_was_measured() {
        let page = dataset(&good());
        for part in ["| 128 |", "0.9995", "1234", "1.25", "500", "`{\"section\":\"games\"}`", "300 MiB (peak 400 MiB)"]
        {
            assert!(page.contains(part), "{part} in\n{page}");
        }
    }
}

//! Ours alone in tables, and its growth.

use super::growth::{self, RECALL, Step};
use super::ratio::{self, Ratio};
use super::table::{align_right, at_recall_text, not_compared, ratio_text, table};
use super::{Comparison, cluster_table};
use crate::own::results::{Batches, Exact, OwnResults, Restarts};

/// What there is to say of ours alone, if it was measured.
pub(super) fn sections(own: &OwnResults) -> Option<String> {
    let rows: Vec<[String; 4]> =
        [own.exact.as_ref().map(exact), own.batches.as_ref().map(batches), own.restart.as_ref().map(restart)]
            .into_iter()
            .flatten()
            .collect();
    if rows.is_empty() {
        return None;
    }
    let mut table = table(["ours alone", "ours", "at most", "ratio"].map(str::to_owned).to_vec());
    table.add_rows(rows);
    Some(align_right(table))
}

fn exact(exact: &Exact) -> [String; 4] {
    let gigabytes = |bytes_per_second: f64| format!("{:.2} GB/s", bytes_per_second / 1e9);
    let (ours, most) = (exact.compared_per_second(), exact.read_per_second());
    let what = format!(
        "exact search, one thread: vectors compared, memory read ({:.2} ms a search)",
        exact.seconds_per_search * 1e3
    );
    [what, gigabytes(ours), gigabytes(most), ratio_text(Some(Ratio::exact(ours / most)))]
}

fn batches(batches: &Batches) -> [String; 4] {
    let Batches { queries_per_request, connections, threads, recall, engine, service } = batches;
    let what = format!(
        "{queries_per_request} queries a request over {connections} connections, the engine on {threads} threads: \
         queries/s at recall {recall:.2}"
    );
    let ratio = service.speed.zip(engine.speed).and_then(|(service, engine)| ratio::quotient(service, engine));
    [what, at_recall_text(service.speed), at_recall_text(engine.speed), ratio_text(ratio)]
}

fn restart(restart: &Restarts) -> [String; 4] {
    let Restarts { seconds_until_ready, seconds_until_answer, rounds } = restart;
    let what = format!("restart, median of {}: until ready (first answer)", rounds.len());
    [what, format!("{seconds_until_ready:.3} s ({seconds_until_answer:.3} s)"), String::new(), String::new()]
}

/// Growth, and what else was measured with those sets.
pub(super) fn growth(comparisons: &[Comparison]) -> Vec<String> {
    let steps = growth::steps(comparisons);
    let mut sections = Vec::new();
    if !comparisons.is_empty() {
        sections.push(format!("## growth\n\n{GROWTH}"));
    }
    if !steps.is_empty() {
        sections.push(growth_table(&steps));
    }
    for comparison in comparisons {
        let mut parts: Vec<String> = self::sections(&comparison.own).into_iter().collect();
        parts.extend(cluster_table::sections(&comparison.cluster));
        parts.extend(not_compared(comparison));
        if !parts.is_empty() {
            let Comparison { name, documents, dim, .. } = comparison;
            sections.push(format!("### {name}\n\n{documents} × {dim}\n\n{}", parts.join("\n\n")));
        }
    }
    sections
}

/// What every reader of these figures has to know.
pub(crate) const GROWTH: &str = "\
Our engine alone, one thread, with sets made for this: the images of Fashion-MNIST under a seeded projection to 128 \
dimensions, repeated with seeded noise. Nothing but growth should be read from them. Under × log n stands the speed \
times the logarithm of the rows, ÷ that of the smallest set: 1 or more where searches slow down no faster than the \
logarithm grows; under ÷ log n the time to build a vector likewise, where 1 or less is wanted.";

fn growth_table(steps: &[Step]) -> String {
    let speed = format!("queries/s at {RECALL:.2}");
    let header = ["rows", &speed, "× log n", "build µs/vector", "÷ log n", "bytes/vector"];
    let mut table = table(header.map(str::to_owned).to_vec());
    for step in steps {
        table.add_row([
            step.rows.to_string(),
            at_recall_text(step.speed),
            step.speed_by_log.map_or_else(String::new, |ratio| ratio_text(Some(ratio))),
            format!("{:.1}", step.build_us_per_vector),
            step.build_by_log.map_or_else(String::new, |ratio| format!("{ratio:.2}")),
            step.bytes_per_vector.map_or("–".to_owned(), |bytes| format!("{bytes:.0}")),
        ]);
    }
    align_right(table)
}

#[cfg(test)]
mod tests {
    use super::super::goals::tests::own;
    use super::super::growth::tests::grown;
    use super::*;

    #[test]
    fn ours_alone_stands_beside_what_it_could_reach() {
        let text = sections(&own()).unwrap();
        assert!(text.contains(" 0.75 |") && text.contains(" 0.90 |") && text.contains("0.500 s (0.750 s)"), "{text}");
        assert_eq!(sections(&OwnResults::default()), None);
    }

    #[test]
    fn growth_is_told_beside_the_logarithm() {
        let sections = growth(&[grown(1_000, 300.0, 1.0), grown(1_000_000, 75.0, 4_000.0)]);
        let rows: Vec<&str> = sections[1].lines().skip(2).collect();
        assert!(rows[0].contains("1000.0") && rows[1].contains(" 0.50 ") && rows[1].contains(" 2.00 "), "{rows:?}");
        assert_eq!(growth(&[]), Vec::<String>::new());
    }
}

//! The drawings of ours alone: each figure above the most that it could be.

use super::bars::{self, Bar};
use super::figure;
use super::palette::{AT_MOST, OURS};
use crate::compare::Comparison;
use crate::compare::growth::{self, Step};
use crate::own::results::OwnResults;

/// One drawing for each figure that was measured.
pub(super) fn figures(own: &OwnResults) -> Vec<String> {
    let mut figures = Vec::new();
    if let Some(exact) = &own.exact {
        let gigabytes = |bytes_per_second: f64| Some(bytes_per_second / 1e9);
        let bars = [("compared", gigabytes(exact.compared_per_second())), ("read", gigabytes(exact.read_per_second()))];
        figures.push(beside_the_most("Exact search: GB of vectors compared a second, and of memory read", bars));
    }
    if let Some(batches) = &own.batches {
        let speed = |speed: Option<crate::library::frontier::AtRecall>| speed?.queries_per_second();
        let title = format!(
            "Queries a second at recall {:.2}: {} a request over HTTP, and our engine without a server",
            batches.recall, batches.queries_per_request
        );
        figures.push(beside_the_most(
            &title,
            [("batches", speed(batches.service.speed)), ("engine", speed(batches.engine.speed))],
        ));
    }
    if let Some(restart) = &own.restart {
        let bar = |name: &str, seconds| Bar { name: name.to_owned(), colour: OURS, figure: seconds };
        let bars = [bar("ready", restart.seconds_until_ready), bar("first answer", restart.seconds_until_answer)];
        figures.push(figure("Seconds from a restart", &bars::chart(&bars)));
    }
    figures
}

/// How our engine does with growing sets.
pub(super) fn growth(comparisons: &[Comparison]) -> Vec<String> {
    let steps = growth::steps(comparisons);
    let draw = |title: &str, of: &dyn Fn(&Step) -> Option<f64>| {
        let bar = |step: &Step| Some(Bar { name: format!("{} rows", step.rows), colour: OURS, figure: of(step)? });
        let bars: Vec<Bar> = steps.iter().filter_map(bar).collect();
        figure(title, &bars::chart(&bars))
    };
    vec![
        draw("Queries a second, one thread, recall 0.95", &|step| step.speed?.queries_per_second()),
        draw("The same × log n, ÷ that of the fewest rows", &|step| Some(step.speed_by_log?.ratio)),
        draw("Microseconds to build for each vector", &|step| Some(step.build_us_per_vector)),
        draw("The same ÷ log n, ÷ that of the fewest rows", &|step| step.build_by_log),
    ]
}

fn beside_the_most(title: &str, [ours, most]: [(&str, Option<f64>); 2]) -> String {
    let bar =
        |(name, figure): (&str, Option<f64>), colour| Some(Bar { name: name.to_owned(), colour, figure: figure? });
    let bars: Vec<Bar> = [bar(ours, OURS), bar(most, AT_MOST)].into_iter().flatten().collect();
    figure(title, &bars::chart(&bars))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::goals::tests::own;

    #[test]
    fn what_was_measured_is_drawn_and_nothing_else() {
        let drawn = figures(&own());
        assert_eq!(drawn.len(), 3);
        assert!(drawn[1].contains(">90.0</text>") && drawn[1].contains(">100</text>"), "{}", drawn[1]);
        assert!(figures(&OwnResults::default()).is_empty());
    }
}

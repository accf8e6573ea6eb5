//! The results as one file of HTML with drawings, which needs nothing from anywhere: it can be mailed, or kept beside
//! the figures that it shows.

mod bars;
mod cluster;
mod lines;
mod markup;
mod own;
mod palette;
mod servers;

use crate::compare::goals::Outcome;
use crate::compare::{Comparison, Results, own_table, table};
use crate::library::results::{Clock, PeerResults, Series};
use bars::Bar;
use lines::Line;
use markup::escaped;
use palette::colour;

const STYLE: &str = include_str!("page/style.css");

/// The whole page.
pub(crate) fn html(results: &Results) -> String {
    let facts = table::facts(results).into_iter();
    let facts: String = facts.map(|(name, value)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(&value))).collect();
    let datasets: String = results.datasets.iter().map(dataset).collect();
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Annuli beside its peers</title>\
         <style>{STYLE}</style></head><body><h1>Annuli beside its peers</h1><dl>{facts}</dl>{}{datasets}{}\
         <p class=\"note\">{}</p></body></html>\n",
        goals(&results.goals),
        growth(&results.growth),
        escaped(table::HOW_TO_READ),
    )
}

fn goals(outcomes: &[Outcome]) -> String {
    if outcomes.is_empty() {
        return String::new();
    }
    let row = |outcome: &Outcome| {
        let [goal, wanted, measured, met] = table::goal_cells(outcome).map(|cell| escaped(&cell));
        format!("<tr><td>{goal}</td><td>{wanted}</td><td>{measured}</td><td>{met}</td></tr>")
    };
    let rows: String = outcomes.iter().map(row).collect();
    format!(
        "<h2>Goals</h2><table><tr><th>what is wanted</th><th>goal</th><th>measured</th><th></th></tr>{rows}</table>"
    )
}

fn dataset(comparison: &Comparison) -> String {
    let Comparison { name, documents, dim, metric, queries, libraries, .. } = comparison;
    let peers = &libraries.peers;
    let mut parts = vec![format!("<h2>{name}</h2><p>{documents} × {dim}, {metric}; {queries} queries.</p>")];
    let threads: Vec<usize> =
        peers.first().map(|peer| peer.search.iter().map(|series| series.threads).collect()).unwrap_or_default();
    for threads in threads {
        let clock = peers.iter().find_map(|peer| peer.on(threads)).map(|series| series.clock);
        let title = format!("Queries a second against recall, {}", conditions(threads, clock));
        parts.push(figure(&title, &lines::chart(&lines_of(peers, |peer| peer.on(threads)))));
    }
    if !peers.is_empty() {
        let build = |peer: &PeerResults| Some(peer.build.seconds);
        parts.push(figure("Seconds to build, on the wall", &bars::chart(&bars_of(peers, build))));
        let memory = |peer: &PeerResults| peer.memory.map(|memory| memory.bytes_per_vector);
        parts.push(figure("Bytes of memory for each vector", &bars::chart(&bars_of(peers, memory))));
    }
    for percent in crate::library::SHARES {
        let lines = lines_of(peers, |peer| peer.among(percent));
        if !lines.is_empty() {
            let title = format!("Queries a second against recall among {percent} % of the rows, one thread");
            parts.push(figure(&title, &lines::chart(&lines)));
        }
    }
    parts.extend(own::figures(&comparison.own));
    parts.extend(servers::figures(&comparison.servers));
    parts.extend(cluster::figures(&comparison.cluster));
    parts.push(not_compared(comparison));
    parts.concat()
}

/// Our engine with growing sets, and what else was measured with those.
fn growth(comparisons: &[Comparison]) -> String {
    if comparisons.is_empty() {
        return String::new();
    }
    let mut parts = vec![format!("<h2>growth</h2><p>{}</p>", escaped(own_table::GROWTH))];
    parts.extend(own::growth(comparisons));
    for comparison in comparisons {
        let mut figures = own::figures(&comparison.own);
        figures.extend(cluster::figures(&comparison.cluster));
        if !figures.is_empty() {
            parts.push(format!("<h3>{}</h3>", comparison.name));
        }
        parts.extend(figures);
        parts.push(not_compared(comparison));
    }
    parts.concat()
}

fn not_compared(comparison: &Comparison) -> String {
    let skipped = comparison.skipped().map(|skipped| (skipped.peer, skipped.reason.as_str()));
    let left_out = comparison.left_out.iter().map(|stage| (stage.as_str(), "time was up"));
    let line = |(who, why): (&str, &str)| format!("<p class=\"note\">{who} is not compared: {}</p>", escaped(why));
    skipped.chain(left_out).map(line).collect()
}

fn conditions(threads: usize, clock: Option<Clock>) -> String {
    let threads = if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") };
    match clock {
        Some(Clock::Processor) => format!("{threads}, processor time"),
        Some(Clock::Wall) => format!("{threads}, wall time"),
        None => threads,
    }
}

fn lines_of<'a>(peers: &'a [PeerResults], series: impl Fn(&'a PeerResults) -> Option<&'a Series>) -> Vec<Line> {
    peers.iter().filter_map(|peer| Some(line(peer.name, series(peer)?))).collect()
}

fn line(name: &'static str, series: &Series) -> Line {
    let points = series.points.iter().map(|point| (point.measured.recall, point.measured.queries_per_second));
    Line { name, colour: colour(name), points: points.collect() }
}

fn bars_of(peers: &[PeerResults], figure: impl Fn(&PeerResults) -> Option<f64>) -> Vec<Bar> {
    let bar =
        |peer: &PeerResults| Some(Bar { name: peer.name.to_owned(), colour: colour(peer.name), figure: figure(peer)? });
    peers.iter().filter_map(bar).collect()
}

fn figure(title: &str, drawing: &str) -> String {
    format!("<figure><figcaption>{}</figcaption>{drawing}</figure>", escaped(title))
}

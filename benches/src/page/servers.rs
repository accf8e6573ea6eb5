//! The drawings of servers: a group of bars for each figure.

use super::bars::{self, Bar};
use super::figure;
use super::palette::colour;
use crate::servers::results::{Load, OnConnections, ServerResults, ServersResults};

/// One drawing for each figure that was measured.
pub(super) fn figures(servers: &ServersResults) -> Vec<String> {
    let peers = &servers.peers;
    let mut figures = Vec::new();
    let mut draw = |title: &str, of: &dyn Fn(&ServerResults) -> Option<f64>| {
        let bar = |peer: &ServerResults| {
            Some(Bar { name: peer.name.to_owned(), colour: colour(peer.name), figure: of(peer)? })
        };
        let bars: Vec<Bar> = peers.iter().filter_map(bar).collect();
        if !bars.is_empty() {
            figures.push(figure(title, &bars::chart(&bars)));
        }
    };
    let search = |peer: &ServerResults| peer.search.clone();
    for count in connections(peers) {
        of_load(&mut draw, &format!("searches over {count} connections, recall 0.95"), count, &search);
        let title = format!("Queries a second without a search, over {count} connections");
        draw(&title, &|peer| Some(search(peer)?.on(count)?.without_search.as_ref()?.queries_per_second));
    }
    draw("Rows a second, stored until searchable", &|peer| Some(peer.ingest.rows_per_second));
    draw("Memory of all processes in MiB, after the searches", &|peer| Some((peer.memory_bytes? >> 20) as f64));
    draw("Seconds from a restart to the first answer", &|peer| peer.restart_seconds);
    for percent in crate::library::SHARES {
        let among = |peer: &ServerResults| {
            let filtered = peer.filtered.iter().find(|filtered| filtered.percent == percent)?;
            Some(filtered.load.clone())
        };
        for count in connections(peers) {
            of_load(&mut draw, &format!("searches among {percent} % over {count} connections"), count, &among);
        }
    }
    figures
}

/// Speed and latencies of one kind of search.
fn of_load(
    draw: &mut impl FnMut(&str, &dyn Fn(&ServerResults) -> Option<f64>),
    what: &str,
    count: usize,
    load: &impl Fn(&ServerResults) -> Option<Load>,
) {
    let on = |peer: &ServerResults| -> Option<OnConnections> { load(peer)?.on(count).cloned() };
    draw(&format!("Queries a second: {what}"), &|peer| Some(on(peer)?.queries_per_second));
    draw(&format!("Median latency in ms: {what}"), &|peer| Some(on(peer)?.p50_ms));
    draw(&format!("99th percentile of latency in ms: {what}"), &|peer| Some(on(peer)?.p99_ms));
}

fn connections(peers: &[ServerResults]) -> Vec<usize> {
    let first = peers.iter().find_map(|peer| peer.search.as_ref());
    first.map(|load| load.connections.iter().map(|on| on.connections).collect()).unwrap_or_default()
}

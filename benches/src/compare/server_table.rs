//! Servers in tables: ratios, then figures.

use super::ratio::OURS;
use super::table::{align_right, table};
use crate::servers::results::{Load, ServerResults, ServersResults};

/// What there is to say of servers, if any took part.
pub(super) fn sections(servers: &ServersResults) -> Vec<String> {
    let (ours, others): (Vec<_>, Vec<_>) = servers.peers.iter().partition(|peer| peer.name.starts_with(OURS));
    let mut sections = Vec::new();
    if servers.peers.is_empty() {
        return sections;
    }
    if !others.is_empty() {
        sections.extend(ours.iter().map(|ours| ratios(ours, &others)));
    }
    sections.push(figures(&servers.peers));
    sections.extend(without_search(&servers.peers));
    let shares: Vec<u8> = servers
        .peers
        .first()
        .map(|peer| peer.filtered.iter().map(|filtered| filtered.percent).collect())
        .unwrap_or_default();
    if !shares.is_empty() {
        sections.push(filtered(&servers.peers, &shares));
    }
    sections
}

/// Ours ÷ each other: speeds above 1 and all else below 1 are in our favour.
fn ratios(ours: &ServerResults, others: &[&ServerResults]) -> String {
    let mut header = vec![format!("{} ÷", ours.name)];
    header.extend(connections(ours).iter().map(|count| format!("queries/s, {count} conn.")));
    header.extend(connections(ours).iter().map(|count| format!("p99, {count} conn.")));
    header.extend(["rows/s stored", "memory", "restart"].map(str::to_owned));
    let mut table = table(header);
    for other in others {
        let mut row = vec![other.name.to_owned()];
        let pairs = || {
            let pair = |count| Some((ours.search.as_ref()?.on(count)?, other.search.as_ref()?.on(count)?));
            connections(ours).into_iter().map(pair)
        };
        row.extend(pairs().map(|pair| quotient(pair.map(|(a, b)| (a.queries_per_second, b.queries_per_second)))));
        row.extend(pairs().map(|pair| quotient(pair.map(|(a, b)| (a.p99_ms, b.p99_ms)))));
        row.push(quotient(Some((ours.ingest.rows_per_second, other.ingest.rows_per_second))));
        row.push(quotient(ours.memory_bytes.zip(other.memory_bytes).map(|(a, b)| (a as f64, b as f64))));
        row.push(quotient(ours.restart_seconds.zip(other.restart_seconds)));
        table.add_row(row);
    }
    align_right(table)
}

fn figures(peers: &[ServerResults]) -> String {
    let counts = peers.first().map(connections).unwrap_or_default();
    let mut header = ["server", "ef", "recall"].map(str::to_owned).to_vec();
    header.extend(counts.iter().map(|count| format!("{count} conn.: queries/s (p50, p99 ms)")));
    header.extend(["stored s (searchable s)", "memory MiB", "restart s", "version"].map(str::to_owned));
    let mut table = table(header);
    for peer in peers {
        let search = peer.search.as_ref();
        let mut row = vec![peer.name.to_owned()];
        row.push(search.map(|load| load.ef.to_string()).unwrap_or_default());
        row.push(search.map(recall).unwrap_or_default());
        row.extend(counts.iter().map(|&count| search.map(|load| on(load, count)).unwrap_or_default()));
        let ingest = peer.ingest;
        row.push(format!("{:.1} ({:.1})", ingest.seconds_until_acknowledged, ingest.seconds_until_searchable));
        row.push(peer.memory_bytes.map(|bytes| (bytes >> 20).to_string()).unwrap_or_default());
        row.push(peer.restart_seconds.map(|seconds| format!("{seconds:.2}")).unwrap_or_default());
        row.push(peer.version.clone());
        table.add_row(row);
    }
    align_right(table)
}

/// Of who was asked that: what is answered when there is nothing to search, and how near to it searches come.
fn without_search(peers: &[ServerResults]) -> Option<String> {
    let header = ["server", "connections", "queries/s", "without a search (p99 ms)", "ratio"];
    let mut table = table(header.map(str::to_owned).to_vec());
    for peer in peers {
        for on in peer.search.iter().flat_map(|load| &load.connections) {
            let Some(without) = &on.without_search else { continue };
            table.add_row([
                peer.name.to_owned(),
                on.connections.to_string(),
                format!("{:.0}", on.queries_per_second),
                format!("{:.0} ({:.2})", without.queries_per_second, without.p99_ms),
                quotient(Some((on.queries_per_second, without.queries_per_second))),
            ]);
        }
    }
    (table.row_count() > 0).then(|| align_right(table))
}

fn filtered(peers: &[ServerResults], shares: &[u8]) -> String {
    let filtered = peers.iter().flat_map(|peer| &peer.filtered).map(|filtered| &filtered.load);
    let counts: Vec<usize> = filtered.take(1).flat_map(|load| &load.connections).map(|on| on.connections).collect();
    let columns = shares.iter().flat_map(|share| {
        let columns = counts.iter().map(move |count| format!("{share} %, {count} conn.: queries/s (p50, p99 ms)"));
        [format!("{share} %: recall")].into_iter().chain(columns)
    });
    let mut table = table(["filtered".to_owned()].into_iter().chain(columns).collect());
    for peer in peers {
        let mut row = vec![peer.name.to_owned()];
        for share in shares {
            let load = peer.filtered.iter().find(|filtered| filtered.percent == *share).map(|filtered| &filtered.load);
            row.push(load.map(recall).unwrap_or_default());
            row.extend(counts.iter().map(|&count| load.map(|load| on(load, count)).unwrap_or_default()));
        }
        table.add_row(row);
    }
    align_right(table)
}

fn connections(peer: &ServerResults) -> Vec<usize> {
    let search = peer.search.iter().flat_map(|load| &load.connections);
    search.map(|on| on.connections).collect()
}

fn on(load: &Load, count: usize) -> String {
    load.on(count)
        .map_or_else(String::new, |on| format!("{:.0} ({:.2}, {:.2})", on.queries_per_second, on.p50_ms, on.p99_ms))
}

fn recall(load: &Load) -> String {
    let missed = if load.reached { "" } else { " (at most)" };
    format!("{:.4}{missed}", load.recall)
}

fn quotient(pair: Option<(f64, f64)>) -> String {
    pair.filter(|(_, theirs)| *theirs > 0.0).map_or("–".to_owned(), |(ours, theirs)| format!("{:.2}", ours / theirs))
}

#[cfg(test)]
mod tests {
    use super::super::goals::tests::server;
    use super::*;

    #[test]
    fn what_a_search_adds_to_a_request_is_told_of_who_was_asked() {
        let mut chroma = server("chroma", 100.0);
        chroma.search.as_mut().unwrap().connections[0].without_search = None;
        let text = without_search(&[server("annuli-json", 400.0), chroma]).unwrap();
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(text.contains("annuli-json") && text.contains(" 0.50 |"), "{text}");
    }
}

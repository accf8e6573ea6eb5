//! Which processes a cluster is made of, and how each is started.

use super::ClusterError;
use crate::cli::ClusterUp;
use annuli_cluster::record::LayoutId;
use annuli_core::ShardCount;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// One process.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// How it is called in messages, and its log.
    pub(super) name: String,
    /// What `annuli` is started with.
    pub(super) arguments: Vec<OsString>,
    /// Where it takes requests, if it does.
    pub(super) url: Option<String>,
}

/// The routers.
pub(super) fn routers(args: &ClusterUp) -> Result<Vec<Part>, ClusterError> {
    (0..args.routers).map(|number| router(args, number)).collect()
}

/// The processes that hold the shards of a layout.
pub(super) fn holders(args: &ClusterUp, layout: LayoutId, shards: ShardCount) -> Vec<Part> {
    let of_shard = |shard| {
        let primary = ("primary", format!("primary-{shard}"));
        let replicas = (0..args.replicas).map(move |number| ("replica", format!("replica-{shard}-{number}")));
        let names = std::iter::once(primary).chain(replicas);
        names.map(move |(role, name)| indexer(args, role, of(layout, name), shard, shards))
    };
    (0..shards.get()).flat_map(of_shard).collect()
}

/// A folder is of one layout: those of later ones have its number behind their names.
fn of(layout: LayoutId, name: String) -> String {
    if layout == LayoutId::FIRST { name } else { format!("{name}.{}", layout.0) }
}

fn indexer(args: &ClusterUp, role: &str, name: String, shard: u32, shards: ShardCount) -> Part {
    let mut arguments = words(["indexer", "--role", role, "--listen", "127.0.0.1:0"]);
    arguments.extend(words(["--shard", &shard.to_string(), "--shards", &shards.to_string()]));
    arguments.extend(["--workspace".into(), args.workspace.join(&name).into()]);
    arguments.extend(of_cluster(args));
    arguments.extend((args.follow && role == "replica").then(|| "--follow".into()));
    Part { name, arguments, url: None }
}

fn router(args: &ClusterUp, number: u32) -> Result<Part, ClusterError> {
    let first = args.listen.port();
    let ports = || ClusterError::Ports { routers: args.routers, first };
    if first == 0 {
        return Err(ClusterError::NoPort);
    }
    let port = u16::try_from(number).ok().and_then(|number| first.checked_add(number)).ok_or_else(ports)?;
    let address = SocketAddr::new(args.listen.ip(), port);
    let mut arguments = words(["router", "--listen", &address.to_string()]);
    arguments.extend(words(["--dump-every", &args.dump_every.to_string()]));
    arguments.extend(of_cluster(args));
    if let Some(keys) = &args.api_keys {
        arguments.extend(["--api-keys".into(), keys.into()]);
    }
    Ok(Part { name: format!("router-{number}"), arguments, url: Some(format!("http://{address}")) })
}

/// The folder by which its processes agree.
pub(super) fn coordination(args: &ClusterUp) -> PathBuf {
    args.workspace.join("coordination")
}

fn of_cluster(args: &ClusterUp) -> [OsString; 5] {
    let (coordination, dumps) = (coordination(args).into(), args.workspace.join("dumps").into());
    ["--coordination".into(), coordination, "--dumps".into(), dumps, "--until-stdin-closes".into()]
}

fn words<const N: usize>(words: [&str; N]) -> Vec<OsString> {
    words.into_iter().map(OsString::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, ClusterCommand, Command};
    use clap::Parser;

    fn args(line: &str) -> ClusterUp {
        let words = ["annuli", "cluster", "up"].into_iter().chain(line.split_whitespace());
        let command = Cli::try_parse_from(words).unwrap().command;
        let Command::Cluster(ClusterCommand::Up(up)) = command else { panic!("{command:?}") };
        up
    }

    const NEXT: LayoutId = LayoutId(1);

    fn count(shards: u32) -> ShardCount {
        ShardCount::new(shards).unwrap()
    }

    fn names(parts: &[Part]) -> Vec<&str> {
        parts.iter().map(|part| part.name.as_str()).collect()
    }

    #[test]
    fn every_shard_has_a_primary_and_replicas_and_routers_have_ports_in_a_row() {
        let args = args("--replicas 2 --routers 2 --listen 127.0.0.1:7800");
        let first = holders(&args, LayoutId::FIRST, count(2));
        let of_each = ["primary-0", "replica-0-0", "replica-0-1", "primary-1", "replica-1-0", "replica-1-1"];
        assert_eq!(names(&first), of_each);
        let routers = routers(&args).unwrap();
        assert_eq!(names(&routers), ["router-0", "router-1"]);
        let urls: Vec<_> = routers.iter().filter_map(|part| part.url.as_deref()).collect();
        assert_eq!(urls, ["http://127.0.0.1:7800", "http://127.0.0.1:7801"]);
    }

    #[test]
    fn no_two_layouts_have_a_folder_in_common() {
        let args = args("--replicas 1");
        let [first, third] = [0, 2].map(|id| holders(&args, LayoutId(id), count(1)));
        assert_eq!(
            (names(&first), names(&third)),
            (vec!["primary-0", "replica-0-0"], vec!["primary-0.2", "replica-0-0.2"])
        );
    }

    #[test]
    fn what_a_part_is_started_with_is_understood() {
        let args = args("--routers 1 --api-keys keys.toml");
        for part in routers(&args).unwrap().into_iter().chain(holders(&args, NEXT, count(3))) {
            assert_eq!(part.arguments.contains(&"--api-keys".into()), part.url.is_some(), "{}", part.name);
            let words = std::iter::once("annuli".into()).chain(part.arguments);
            Cli::try_parse_from(words).unwrap();
        }
    }

    #[test]
    fn replicas_follow_if_they_are_told_to_and_primaries_never() {
        for (line, follow) in [("--replicas 2", 0), ("--replicas 2 --follow", 4)] {
            let parts = holders(&args(line), LayoutId::FIRST, count(2));
            let follows = |part: &&Part| part.arguments.contains(&"--follow".into());
            let names: Vec<_> = parts.iter().filter(follows).map(|part| part.name.as_str()).collect();
            assert!(names.len() == follow && names.iter().all(|name| name.starts_with("replica")), "{names:?}");
        }
    }

    #[test]
    fn a_cluster_needs_a_port_that_it_can_name() {
        let error = routers(&args("--listen 127.0.0.1:0")).unwrap_err().to_string();
        assert!(error.contains("choose a port"), "{error}");
    }

    #[test]
    fn routers_beyond_the_last_port_are_refused() {
        let error = routers(&args("--routers 2 --listen 127.0.0.1:65535")).unwrap_err().to_string();
        assert_eq!(error, "2 routers need as many ports from 65535 on, the last port is 65535");
    }
}

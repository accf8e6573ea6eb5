//! Which processes a cluster is made of, and how each is started.

use super::ClusterError;
use crate::cli::ClusterUp;
use std::ffi::OsString;
use std::net::SocketAddr;

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

/// Every process of the cluster.
pub(super) fn parts(args: &ClusterUp) -> Result<Vec<Part>, ClusterError> {
    let mut parts = Vec::new();
    for shard in 0..args.shards.get() {
        parts.push(primary(args, shard));
        parts.extend((0..args.replicas).map(|number| replica(args, shard, number)));
    }
    for router in 0..args.routers {
        parts.push(self::router(args, router)?);
    }
    Ok(parts)
}

fn primary(args: &ClusterUp, shard: u32) -> Part {
    indexer(args, format!("primary-{shard}"), "primary", shard)
}

fn replica(args: &ClusterUp, shard: u32, number: u32) -> Part {
    indexer(args, format!("replica-{shard}-{number}"), "replica", shard)
}

fn indexer(args: &ClusterUp, name: String, role: &str, shard: u32) -> Part {
    let mut arguments = words(["indexer", "--role", role, "--listen", "127.0.0.1:0"]);
    arguments.extend(words(["--shard", &shard.to_string(), "--shards", &args.shards.to_string()]));
    arguments.extend(["--workspace".into(), args.workspace.join(&name).into()]);
    arguments.extend(of_cluster(args));
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

fn of_cluster(args: &ClusterUp) -> [OsString; 5] {
    let folder = |name: &str| args.workspace.join(name).into();
    ["--coordination".into(), folder("coordination"), "--dumps".into(), folder("dumps"), "--until-stdin-closes".into()]
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

    #[test]
    fn every_shard_has_a_primary_and_replicas_and_routers_have_ports_in_a_row() {
        let parts = parts(&args("--shards 2 --replicas 2 --routers 2 --listen 127.0.0.1:7800")).unwrap();
        let names: Vec<_> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "primary-0",
                "replica-0-0",
                "replica-0-1",
                "primary-1",
                "replica-1-0",
                "replica-1-1",
                "router-0",
                "router-1",
            ]
        );
        let urls: Vec<_> = parts.iter().filter_map(|part| part.url.as_deref()).collect();
        assert_eq!(urls, ["http://127.0.0.1:7800", "http://127.0.0.1:7801"]);
    }

    #[test]
    fn what_a_part_is_started_with_is_understood() {
        for part in parts(&args("--shards 3 --routers 1 --api-keys keys.toml")).unwrap() {
            assert_eq!(part.arguments.contains(&"--api-keys".into()), part.url.is_some(), "{}", part.name);
            let words = std::iter::once("annuli".into()).chain(part.arguments);
            Cli::try_parse_from(words).unwrap();
        }
    }

    #[test]
    fn a_cluster_needs_a_port_that_it_can_name() {
        let error = parts(&args("--listen 127.0.0.1:0")).unwrap_err().to_string();
        assert!(error.contains("choose a port"), "{error}");
    }

    #[test]
    fn routers_beyond_the_last_port_are_refused() {
        let error = parts(&args("--routers 2 --listen 127.0.0.1:65535")).unwrap_err().to_string();
        assert_eq!(error, "2 routers need as many ports from 65535 on, the last port is 65535");
    }
}

//! What a file of fixed hosts says, and what is said of a wrong one.

use super::*;

const SOUND: &str = r#"coordination = "etcd://10.0.0.1:2379"
routers = ["10.0.0.1:7700", "10.0.0.2:7700"]
dumps = "dumps"
secret_file = "cluster.secret"

[[shards]]
primary = "10.0.0.1:7710"
replicas = ["10.0.0.2:7720", "10.0.0.3:7720"]

[[shards]]
primary = "10.0.0.2:7711"
"#;

fn parse(text: &str) -> Result<Topology, TopologyError> {
    Topology::parse(Path::new("/etc/annuli/cluster.toml"), text)
}

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn an_address_says_what_its_process_does() {
    let topology = parse(SOUND).unwrap();
    topology.router(at("10.0.0.2:7700")).unwrap();
    let place = |text| topology.indexer(at(text)).map(|place| (place.shard, place.role)).unwrap();
    assert_eq!(place("10.0.0.1:7710"), (0, NodeRole::Primary));
    assert_eq!(place("10.0.0.3:7720"), (0, NodeRole::Replica));
    assert_eq!(place("10.0.0.2:7711"), (1, NodeRole::Primary));
    assert_eq!(topology.shards().get(), 2);
}

#[test]
fn what_is_named_in_it_is_beside_it() {
    let topology = parse(SOUND).unwrap();
    assert_eq!(topology.secret_file, Some("/etc/annuli/cluster.secret".into()));
    assert_eq!(topology.dumps, Some(DumpPlace::Folder("/etc/annuli/dumps".into())));
    let bucket = parse(&SOUND.replace("\"dumps\"", "\"s3://bucket/prefix\"")).unwrap();
    assert_eq!(bucket.dumps, Some("s3://bucket/prefix".parse().unwrap()));
    let local = SOUND.replace("etcd://10.0.0.1:2379", "./agreed").replace("10.0.0.2", "10.0.0.1");
    let local = parse(&local.replace("10.0.0.3:7720", "10.0.0.1:7721").replace(", \"10.0.0.1:7700\"", "")).unwrap();
    assert_eq!(local.coordination, CoordinationPlace::Folder("/etc/annuli/./agreed".into()));
}

#[test]
fn a_process_that_the_file_does_not_know_is_told_whom_it_knows() {
    let topology = parse(SOUND).unwrap();
    let says = "`/etc/annuli/cluster.toml` has no router at 10.0.0.1:7710: it has 10.0.0.1:7700, 10.0.0.2:7700; say with \
                --at which of them this process is";
    assert_eq!(topology.router(at("10.0.0.1:7710")).unwrap_err().to_string(), says);
    assert!(topology.indexer(at("10.0.0.1:7700")).unwrap_err().to_string().contains("no indexer at 10.0.0.1:7700"));
}

#[test]
fn what_two_places_say_otherwise_is_refused_with_both() {
    let topology = parse(SOUND).unwrap();
    topology.agree("--shards", 2, 2).unwrap();
    let says = "--shards is 3 for this process, and 2 by `/etc/annuli/cluster.toml`: leave it to the file";
    assert_eq!(topology.agree("--shards", 3, 2).unwrap_err().to_string(), says);
}

#[track_caller]
fn check(from: &str, to: &str, says: &str) {
    let text = SOUND.replacen(from, to, 1);
    assert_ne!(text, SOUND, "`{from}` is in it");
    assert_eq!(parse(&text).unwrap_err().to_string(), format!("`/etc/annuli/cluster.toml`, line {says}"));
}

#[test]
fn what_is_wrong_is_named_with_its_line() {
    check(
        "primary = \"10.0.0.2:7711\"",
        "primry = \"x\"",
        "11: unknown field `primry`, expected `primary` or `replicas`",
    );
    check(
        "10.0.0.2:7711",
        "10.0.0.2:7720",
        "11: `primary of shard 1`: 10.0.0.2:7720 stands at `replicas of shard 0` already, each process needs an address of its own",
    );
    check("[\"10.0.0.1:7700\", \"10.0.0.2:7700\"]", "[]", "2: `routers` is empty: name at least one");
    for mistaken in ["etcd://10.0.0.1", "http://10.0.0.1:2379", ""] {
        check(
            "etcd://10.0.0.1:2379",
            mistaken,
            "1: `coordination`: it has the form etcd://HOST:PORT[,HOST:PORT…]; or a folder, where all processes run on one machine",
        );
    }
    check(
        "etcd://10.0.0.1:2379",
        "./agreed",
        "1: `coordination`: the folder `./agreed` is for processes of one machine, and these are of 10.0.0.1, 10.0.0.2, \
         10.0.0.3: name an etcd, as etcd://HOST:PORT[,HOST:PORT…]",
    );
    check(
        "\"dumps\"",
        "\"gs://bucket\"",
        "3: `dumps`: `gs://` is no place of dumps: they are kept in a folder, file:///path or s3://bucket/prefix",
    );
    let missing = SOUND.replacen("coordination = \"etcd://10.0.0.1:2379\"\n", "", 1);
    assert!(parse(&missing).unwrap_err().to_string().ends_with("missing field `coordination`"));
}

/// They passed, and processes failed with words about flags that nobody had given, or told others an address of no machine.
#[test]
fn an_address_is_an_ip_and_a_port() {
    for address in ["10.0.0.3", "node3:7720", "http://10.0.0.3:7720", "0.0.0.0:7720", "[::]:7720", "10.0.0.3:0", ""] {
        let says = format!(
            "8: `replicas of shard 0`: `{address}` is no address of a process: it has the form IP:PORT, as other hosts reach \
             it; names do not do"
        );
        check("\"10.0.0.3:7720\"", &format!("\"{address}\""), &says);
    }
}

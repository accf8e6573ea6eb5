//! What an operator is told.

use crate::store;
use annuli_core::id::ShardId;
use annuli_dump::{DumpStore, StoreFault};
use annuli_dump_contract::given::{dump, dump_id, index_uuid};
use annuli_dump_s3::{OpenS3Error, S3Files, S3Place, S3Settings};
use annuli_tests_s3::S3Server;
use std::sync::Arc;
use std::time::Duration;

/// The variables with which a server is asked, one of them changed.
fn variables(server: &S3Server, name: &str, value: &str) -> Vec<(String, String)> {
    let mut variables = server.variables();
    variables.retain(|(found, _)| found != name);
    variables.push((name.to_owned(), value.to_owned()));
    variables
}

#[track_caller]
fn check(fault: &StoreFault, expected: &str) {
    assert_eq!(fault.to_string(), expected);
}

/// Whatever is asked of a store fails, and says this.
#[track_caller]
fn check_all(store: &DumpStore, place: &str, says: &str) {
    let key = format!("{place}/{}/{}", index_uuid(1), dump_id(1));
    check(&store.list().unwrap_err(), &format!("cannot list `{place}`: {says}"));
    let error = store.begin(index_uuid(1), dump_id(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot list `{key}`: {says}"));
    let error = store.find(dump_id(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot list `{place}`: {says}"));
    let error = store.delete(index_uuid(1), dump_id(1)).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot list `{key}`: {says}"));
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    for server in [S3Server::moto(), S3Server::rclone()] {
        let place = "s3://elsewhere/dumps";
        let says = "there is no such bucket: make it, or choose another place";
        check_all(&store(place, server.variables()), place, says);
    }
}

#[test]
fn wrong_credentials_are_named_and_not_repeated() {
    let server = S3Server::rclone();
    let place = server.new_place();
    let says = |code| {
        format!(
            "the credentials are not valid ({code}): check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        )
    };
    let wrong = variables(&server, "AWS_SECRET_ACCESS_KEY", "a-wrong-secret");
    check_all(&store(&place, wrong), &place, &says("SignatureDoesNotMatch"));
    let unknown = variables(&server, "AWS_ACCESS_KEY_ID", "nobody-at-all");
    check_all(&store(&place, unknown), &place, &says("InvalidAccessKeyId"));
}

/// Nobody says who asks, and the machine has no role.
#[test]
fn credentials_that_are_not_there_are_asked_for() {
    let server = S3Server::rclone();
    let place = server.new_place();
    let mut variables = variables(&server, "AWS_METADATA_ENDPOINT", "http://127.0.0.1:1");
    variables.retain(|(name, _)| !name.contains("KEY"));
    let says = "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role";
    let settings = S3Settings { endpoint: None, patience: Duration::from_millis(200), variables };
    let files = S3Files::open(S3Place::parse(&place).unwrap(), &settings).unwrap();
    check_all(&DumpStore::new(Arc::new(files)), &place, says);
}

#[test]
fn an_object_is_refused_without_a_word_where_there_is_no_room_for_one() {
    let server = S3Server::rclone();
    let place = server.new_place();
    let store = store(&place, variables(&server, "AWS_SECRET_ACCESS_KEY", "a-wrong-secret"));
    let error = store.open_archive(index_uuid(1), dump_id(1), ShardId(0), 0).err().expect("it is refused");
    let key = format!("{place}/{}/{}/shard-0.tar.zst", index_uuid(1), dump_id(1));
    let says = "the credentials do not permit it (403 Forbidden): they must be valid, and permit reading, writing, listing \
                and deleting objects of the bucket";
    assert_eq!(error.to_string(), format!("cannot find `{key}`: {says}"));
}

#[test]
fn an_endpoint_that_cannot_be_reached_is_named() {
    let server = S3Server::rclone();
    // Nobody listens on the port of a server that has ended.
    let endpoint = "http://127.0.0.1:1";
    let variables = variables(&server, "AWS_ENDPOINT_URL", endpoint);
    let settings = S3Settings { endpoint: None, patience: Duration::from_millis(200), variables };
    let files = S3Files::open(S3Place::parse("s3://dumps/x").unwrap(), &settings).unwrap();
    let error = DumpStore::new(Arc::new(files)).list().unwrap_err();
    let says = "http://127.0.0.1:1 cannot be reached: Connection refused (os error 111); check the endpoint, the region \
                and the network";
    check(&error, &format!("cannot list `s3://dumps/x`: {says}"));
}

#[test]
fn an_endpoint_that_is_set_wins_over_the_environment() {
    let server = S3Server::rclone();
    let mut variables = variables(&server, "AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    variables.push(("AWS_ENDPOINT_URL_S3".to_owned(), "http://127.0.0.1:2".to_owned()));
    let settings = S3Settings { endpoint: Some(server.endpoint()), patience: Duration::ZERO, variables };
    let files = S3Files::open(S3Place::parse(&server.new_place()).unwrap(), &settings).unwrap();
    assert_eq!(DumpStore::new(Arc::new(files)).list().unwrap().len(), 0);
}

#[test]
fn a_server_elsewhere_is_not_asked_without_tls() {
    let settings = |variables: &[(&str, &str)]| S3Settings {
        endpoint: Some("http://s3.example".to_owned()),
        patience: Duration::ZERO,
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let place = S3Place::parse("s3://dumps").unwrap();
    let error = S3Files::open(place.clone(), &settings(&[])).unwrap_err();
    assert!(matches!(error, OpenS3Error::Endpoint(_)), "{error}");
    let says = "the endpoint `http://s3.example` is not on this machine and would be asked without TLS: use https://, or \
                set AWS_ALLOW_HTTP=true";
    assert_eq!(error.to_string(), says);
    S3Files::open(place, &settings(&[("AWS_ALLOW_HTTP", "true")])).unwrap();
}

/// Whoever prints a store or its settings for a log.
#[test]
fn no_secret_is_in_what_is_printed_of_a_store() {
    let server = S3Server::moto();
    let variables = variables(&server, "AWS_SESSION_TOKEN", "a-secret-token");
    let secrets: Vec<_> =
        variables.iter().filter(|(name, _)| name.contains("SECRET") || name.contains("TOKEN")).collect();
    let settings = S3Settings { endpoint: None, patience: Duration::ZERO, variables: variables.clone() };
    let store = store(&server.new_place(), variables.clone());
    dump(&store, index_uuid(1), dump_id(1));
    let printed = format!("{settings:?} {store:?} {:?} {}", store.find(dump_id(1)).unwrap(), store.place());
    assert_eq!(secrets.len(), 2);
    for (name, secret) in secrets {
        assert!(!printed.contains(secret), "{name} is in {printed}");
    }
}

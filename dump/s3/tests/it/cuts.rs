//! Connections that are cut.

use crate::store;
use annuli_core::id::ShardId;
use annuli_dump::{DumpStore, PublishError};
use annuli_dump_contract::given::{dump_id, index_uuid, noise, write};
use annuli_tests_s3::{Proxy, S3Server};
use std::io::{Read, Write};
use std::sync::Arc;
use std::thread;

/// Two ranges and a bit.
const DOWNLOAD_BYTES: usize = 17 * 1024 * 1024;

/// Two parts and a bit.
const UPLOAD_BYTES: usize = 33 * 1024 * 1024;

/// In the middle of a range.
const CUT_AFTER: u64 = 3 * 1024 * 1024;

/// A store that is asked through a proxy, and the same without one.
fn stores(server: &S3Server) -> (Proxy, DumpStore, DumpStore) {
    let (proxy, place) = (Proxy::start(server.address()), server.new_place());
    let through = store(&place, server.variables_at(proxy.address()));
    let direct = store(&place, server.variables());
    direct.begin(index_uuid(1), dump_id(1)).unwrap();
    (proxy, through, direct)
}

fn check_download(server: &Arc<S3Server>) {
    let (proxy, through, direct) = stores(server);
    let bytes = noise("download", DOWNLOAD_BYTES);
    write(direct.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap(), &bytes);
    proxy.cut_after(CUT_AFTER);
    let mut read = Vec::new();
    through.open_archive(index_uuid(1), dump_id(1), ShardId(0), 0).unwrap().read_to_end(&mut read).unwrap();
    assert!(read == bytes);
    // A range of 8 MiB takes two cuts, and what had come before a cut does not come again.
    assert!(proxy.cuts() >= 4, "{} cuts", proxy.cuts());
    let sent = proxy.bytes_from_server();
    assert!(sent < DOWNLOAD_BYTES as u64 + CUT_AFTER, "{sent} bytes were sent");
}

fn check_upload(server: &Arc<S3Server>) {
    let (proxy, through, direct) = stores(server);
    let bytes = noise("upload", UPLOAD_BYTES);
    let mut archive = through.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
    proxy.cut_after(CUT_AFTER);
    archive.write_all(&bytes[..UPLOAD_BYTES / 2]).unwrap();
    while proxy.cuts() == 0 {
        thread::yield_now();
    }
    proxy.cut_after(0);
    archive.write_all(&bytes[UPLOAD_BYTES / 2..]).unwrap();
    archive.publish().unwrap();
    let mut read = Vec::new();
    direct.open_archive(index_uuid(1), dump_id(1), ShardId(0), 0).unwrap().read_to_end(&mut read).unwrap();
    assert!(read == bytes);
}

/// Whoever wrote it may publish it, and does not take what it has written for another's.
#[track_caller]
fn check_lost_answer(server: &Arc<S3Server>, method: &'static str, bytes: usize) {
    let (proxy, through, direct) = stores(server);
    let content = noise("lost", bytes);
    let mut archive = through.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap();
    archive.write_all(&content).unwrap();
    proxy.lose_answer_to(method);
    archive.publish().unwrap();
    assert_eq!(proxy.cuts(), 1);
    let mut read = Vec::new();
    direct.open_archive(index_uuid(1), dump_id(1), ShardId(0), 0).unwrap().read_to_end(&mut read).unwrap();
    assert!(read == content);
    let again = through.create_archive(index_uuid(1), dump_id(1), ShardId(0)).unwrap().publish();
    assert!(matches!(again, Err(PublishError::Exists { .. })), "{again:?}");
}

#[test]
fn an_archive_whose_answer_is_lost_is_published() {
    for server in [S3Server::moto(), S3Server::rclone()] {
        check_lost_answer(&server, "PUT", 1_000);
        check_lost_answer(&server, "POST", UPLOAD_BYTES);
    }
}

#[test]
fn a_download_that_is_cut_goes_on_where_it_was() {
    check_download(&S3Server::moto());
    check_download(&S3Server::rclone());
}

#[test]
fn a_part_that_is_cut_is_sent_again() {
    check_upload(&S3Server::moto());
    check_upload(&S3Server::rclone());
}

//! Archives that lie, one lie each. The manifest lies along: all its lengths and digests match.

use crate::forge::{Forged, Forgery, frame, frame_of_zeros, header, skippable, tar};
use annuli_dump::{extract_archive, read_entry, verify_archive};
use annuli_dump_contract::given::{FILES, path};
use std::fs;
use std::io::Cursor;

/// Verifying and extracting refuse it in the same words, and extracting leaves nothing behind.
#[track_caller]
fn check(forgery: &Forgery, expected: &str) {
    let (record, bytes) = forgery.seal();
    let error = verify_archive(&record, &mut &bytes[..], &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), expected);
    let folder = tempfile::tempdir().unwrap();
    let error = extract_archive(&record, &mut &bytes[..], folder.path(), &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "files are left");
}

/// As `check`, for a lie about one entry: reading that entry alone refuses it as well.
#[track_caller]
fn check_entry(position: usize, forged: Forged, fault: &str) {
    let forgery = Forgery::with(position, forged);
    let expected = format!("entry `{}` of archive `shard-0.tar.zst` is refused: {fault}", FILES[position].0);
    let (record, bytes) = forgery.seal();
    let error = read_entry(&record, &path(FILES[position].0), &mut Cursor::new(bytes), 1000).unwrap_err();
    assert_eq!(error.to_string(), expected);
    check(&forgery, &expected);
}

#[test]
fn an_honest_forgery_is_accepted() {
    let (record, bytes) = Forgery::honest().seal();
    verify_archive(&record, &mut &bytes[..], &mut |_| {}).unwrap();
}

#[test]
fn only_regular_files_are_accepted() {
    use tar::EntryType;
    for (kind, name) in [
        (EntryType::Link, "a hard link"),
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Char, "a character device"),
        (EntryType::Block, "a block device"),
        (EntryType::Directory, "a folder"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::Continuous, "a contiguous file"),
        (EntryType::GNULongName, "a long name"),
        (EntryType::GNULongLink, "a long name"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::XHeader, "an extended header"),
        (EntryType::XGlobalHeader, "an extended header"),
        (EntryType::new(b'Z'), "an unknown kind of entry"),
    ] {
        let forged = Forged::headed(1, |header| {
            header.set_entry_type(kind);
            header.set_link_name_literal("/etc/passwd").unwrap();
        });
        check_entry(1, forged, &format!("its tar header declares {name}, not a regular file"));
    }
}

#[test]
fn a_header_names_the_recorded_path() {
    for name in
        ["/etc/passwd", "../../etc/passwd", "db/../../x", "db/LOC", "db/LOCK2", "", "db\\LOCK", "segments/0/ids"]
    {
        let forged = Forged::headed(1, |header| {
            let field = &mut header.as_old_mut().name;
            field.fill(0);
            field[..name.len()].copy_from_slice(name.as_bytes());
        });
        check_entry(1, forged, &format!("its tar header names {name:?}"));
    }
}

#[test]
fn a_prefix_in_the_header_changes_the_path() {
    let forged = Forged::headed(1, |header| header.as_ustar_mut().unwrap().prefix[..4].copy_from_slice(b"/tmp"));
    check_entry(1, forged, r#"its tar header names "/tmp/db/LOCK""#);
}

#[test]
fn a_header_declares_the_recorded_length() {
    let forged = Forged::headed(0, |header| header.set_size(17));
    check_entry(0, forged, "its tar header declares 17 bytes, 16 are recorded");
    let forged = Forged::headed(0, |header| header.set_size(u64::MAX));
    check_entry(0, forged, "its tar header declares 18446744073709551615 bytes, 16 are recorded");
}

#[test]
fn a_header_has_no_owner_no_time_and_no_freedom() {
    let differs = |at: usize| format!("its tar header differs at byte {at} from the only one a dump may have");
    check_entry(0, Forged::headed(0, |header| header.set_mode(0o4755)), &differs(103));
    check_entry(0, Forged::headed(0, |header| header.set_uid(1)), &differs(114));
    check_entry(0, Forged::headed(0, |header| header.set_gid(1)), &differs(122));
    check_entry(0, Forged::headed(0, |header| header.set_mtime(1)), &differs(146));
    check_entry(0, Forged::headed(0, |header| header.set_username("root").unwrap()), &differs(150));
    let mut wrong_sum = header(FILES[0].0, 16);
    wrong_sum.as_old_mut().cksum[5] ^= 1;
    check_entry(0, Forged::framed(0, frame(&tar(&wrong_sum, FILES[0].1))), &differs(153));
    let rubbish = Forged::headed(0, |header| header.as_old_mut().pad[0] = b' ');
    check_entry(0, rubbish, &differs(152));
}

#[test]
fn a_missing_entry_is_refused() {
    check_entry(1, Forged::framed(1, Vec::new()), "its zstd frame is shorter than a frame's header");
    let mut forgery = Forgery::honest();
    forgery.entries[1].frame = forgery.entries.remove(2).frame;
    check(
        &forgery,
        "entry `db/LOCK` of archive `shard-0.tar.zst` is refused: its zstd frame declares 1024 bytes of header, content \
         and padding, the record needs 512",
    );
}

#[test]
fn an_extra_entry_is_refused_wherever_it_hides() {
    let extra = tar(&header("db/LOCK2", 0), b"");
    let honest = tar(&header("db/LOCK", 0), b"");
    check_entry(
        1,
        Forged::framed(1, [frame(&honest), frame(&extra)].concat()),
        "its zstd frame ends 76 bytes before its recorded end",
    );
    check_entry(1, Forged::framed(1, [frame(&extra), frame(&honest)].concat()), r#"its tar header names "db/LOCK2""#);
    check_entry(
        1,
        Forged::framed(1, frame(&[honest, extra.clone()].concat())),
        "its zstd frame declares 1024 bytes of header, content and padding, the record needs 512",
    );
    let mut forgery = Forgery::honest();
    forgery.trailer.splice(0..0, frame(&extra));
    check(
        &forgery,
        "the end of archive `shard-0.tar.zst` is wrong: its zstd frame declares 512 bytes of header, content and \
         padding, the record needs 1024",
    );
    forgery.trailer = frame(&tar(&header("db/LOCK2", 512), &[0; 512]));
    check(&forgery, "the end of archive `shard-0.tar.zst` is wrong: it is not zero");
}

#[test]
fn entries_stand_in_the_recorded_order_and_once() {
    let mut swapped = Forgery::honest();
    let first = swapped.entries[0].frame.clone();
    swapped.entries[0].frame = swapped.entries[2].frame.clone();
    swapped.entries[2].frame = first.clone();
    check(
        &swapped,
        r#"entry `db/CURRENT` of archive `shard-0.tar.zst` is refused: its tar header names "segments/0/ids""#,
    );
    let mut repeated = Forgery::honest();
    repeated.entries[2].frame = first;
    check(
        &repeated,
        r#"entry `segments/0/ids` of archive `shard-0.tar.zst` is refused: its tar header names "db/CURRENT""#,
    );
}

#[test]
fn content_and_padding_are_checked() {
    let (path, content) = FILES[0];
    let other = b"MANIFEST-000006\n";
    check_entry(
        0,
        Forged::framed(0, frame(&tar(&header(path, 16), other))),
        &format!("its content has blake3 {}, {} is recorded", blake3::hash(other), blake3::hash(content)),
    );
    let mut dirty = tar(&header(path, 16), content);
    *dirty.last_mut().unwrap() = 1;
    check_entry(0, Forged::framed(0, frame(&dirty)), "its padding is not zero");
}

#[test]
fn the_end_of_the_tar_is_1024_zeros_and_nothing_more() {
    let mut forgery = Forgery::honest();
    forgery.trailer = frame(&[0; 10_240]);
    check(
        &forgery,
        "the end of archive `shard-0.tar.zst` is wrong: its zstd frame declares 10240 bytes of header, content and \
         padding, the record needs 1024",
    );
    forgery.trailer = b"not zstd".to_vec();
    check(&forgery, "the end of archive `shard-0.tar.zst` is wrong: no zstd frame starts where one is recorded");
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut forgery = Forgery::honest();
    forgery.after = vec![0];
    let length = forgery.seal().0.archive.bytes();
    check(&forgery, &format!("archive `shard-0.tar.zst` goes on after its recorded {length} bytes"));
    let mut counted = Forgery::honest();
    counted.trailer.push(0);
    check(
        &counted,
        "the end of archive `shard-0.tar.zst` is wrong: its zstd frame ends 1 bytes before its recorded end",
    );
}

#[test]
fn skippable_frames_are_refused_wherever_they_hide() {
    let honest = Forged::honest("db/LOCK", b"").frame;
    check_entry(
        1,
        Forged::framed(1, [skippable(), honest.clone()].concat()),
        "a skippable zstd frame stands where its frame is recorded",
    );
    check_entry(
        1,
        Forged::framed(1, [honest, skippable()].concat()),
        "its zstd frame ends 13 bytes before its recorded end",
    );
    let mut forgery = Forgery::honest();
    forgery.trailer.splice(0..0, skippable());
    check(
        &forgery,
        "the end of archive `shard-0.tar.zst` is wrong: a skippable zstd frame stands where its frame is recorded",
    );
    let mut forgery = Forgery::honest();
    forgery.trailer.extend(skippable());
    check(
        &forgery,
        "the end of archive `shard-0.tar.zst` is wrong: its zstd frame ends 13 bytes before its recorded end",
    );
}

#[test]
fn a_frame_that_declares_another_length_is_not_opened() {
    let mut consumed = 0;
    let bomb = Forged::framed(1, frame_of_zeros(7 << 3, 1 << 40, 1_000_000));
    let (record, bytes) = Forgery::with(1, bomb.clone()).seal();
    verify_archive(&record, &mut &bytes[..], &mut |bytes| consumed += bytes).unwrap_err();
    assert!(consumed < 200_000, "{consumed} bytes were read of {}", bytes.len());
    check_entry(
        1,
        bomb,
        "its zstd frame declares 1099511627776 bytes of header, content and padding, the record needs 512",
    );
}

/// Declares 512 bytes, as recorded, and then expands to 128 GiB.
#[test]
fn a_bomb_that_lies_about_its_length_is_stopped_at_that_length() {
    let bomb = Forged::framed(1, frame_of_zeros(7 << 3, 512, 1_000_000));
    let mut consumed = 0;
    let (record, bytes) = Forgery::with(1, bomb.clone()).seal();
    verify_archive(&record, &mut &bytes[..], &mut |bytes| consumed += bytes).unwrap_err();
    assert!(consumed < 200_000, "{consumed} bytes were read of {}", bytes.len());
    check_entry(1, bomb, "its zstd frame is damaged: Destination buffer is too small");
}

/// Its content is what is recorded, and then goes on.
#[test]
fn a_frame_that_expands_to_more_than_recorded_is_refused() {
    let mut forgery = Forgery::honest();
    forgery.trailer = frame_of_zeros(7 << 3, 1024, 2);
    check(
        &forgery,
        "the end of archive `shard-0.tar.zst` is wrong: its zstd frame is damaged: Destination buffer is too small",
    );
}

#[test]
fn a_frame_with_a_huge_window_is_not_opened() {
    check_entry(
        1,
        Forged::framed(1, frame_of_zeros(21 << 3, 512, 1)),
        "its zstd frame needs a window of 2147483648 bytes, the limit is 134217728",
    );
}

#[test]
fn a_frame_without_length_or_checksum_is_refused() {
    let content = tar(&header("db/LOCK", 0), b"");
    let unsized_frame = {
        let mut frame = zstd::Encoder::new(Vec::new(), 3).unwrap();
        frame.include_checksum(true).unwrap();
        std::io::Write::write_all(&mut frame, &content).unwrap();
        frame.finish().unwrap()
    };
    check_entry(1, Forged::framed(1, unsized_frame), "its zstd frame does not declare its length");
    let unchecked = zstd::bulk::compress(&content, 3).unwrap();
    check_entry(1, Forged::framed(1, unchecked), "its zstd frame has no checksum");
}

#[test]
fn a_frame_that_is_longer_than_its_span_is_refused() {
    let mut forgery = Forgery::honest();
    let cut = forgery.entries[0].frame.split_off(40);
    forgery.entries[1].frame.splice(0..0, cut);
    check(
        &forgery,
        "entry `db/CURRENT` of archive `shard-0.tar.zst` is refused: its zstd frame goes on after its recorded end",
    );
}

#[test]
fn a_wrong_checksum_of_a_frame_is_noticed_though_the_content_is_right() {
    let mut forged = Forged::honest("db/LOCK", b"");
    *forged.frame.last_mut().unwrap() ^= 1;
    check_entry(1, forged, "its zstd frame is damaged: Restored data doesn't match checksum");
}

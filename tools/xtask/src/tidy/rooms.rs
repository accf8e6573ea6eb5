//! Powers that live in one place: the database, the live graph's library, `unsafe`.

use super::code::names;
use super::{File, Finding};

struct Room {
    /// Words of code that only stand in this room.
    words: &'static [&'static str],
    /// Starts of paths.
    homes: &'static [&'static str],
    mend: &'static str,
}

const ROOMS: &[Room] = &[
    Room {
        words: &["rocksdb::", "use rocksdb", "extern crate rocksdb"],
        homes: &["indexer/src/store.rs", "indexer/src/store/"],
        mend: "ask the store (indexer/src/store) instead, in the words of documents and shards",
    },
    Room {
        words: &["hnsw_rs"],
        // In the benchmarks it is a peer, measured as it is.
        homes: &["indexer/src/head", "benches/src/worker"],
        mend: "ask the head (indexer/src/head) instead; it alone knows the library behind the live graph",
    },
    Room {
        // Deriving `Encode` is no call.
        words: &[
            "bincode::config",
            "bincode::encode_to_vec",
            "bincode::encode_into_std_write",
            "bincode::decode_from_slice",
            "bincode::decode_from_std_read",
            "bincode::borrow_decode_from_slice",
        ],
        homes: &["indexer/src/store/codec.rs", "indexer/wire/src/codec.rs"],
        mend: "call the crate's codec instead: it sets a limit, without which a hostile length aborts the process",
    },
    Room {
        words: &["etcd_client"],
        homes: &["router/coordination/src/etcd", "router/coordination/tests/it/etcd_server.rs"],
        mend: "ask a `CoordinationStore` instead, which may be a folder as well",
    },
    Room {
        words: &["unsafe", "allow(unsafe_code", "expect(unsafe_code"],
        homes: &["indexer/core/src/kernel/", "indexer/core/src/segment/mapped.rs", "indexer/threads/src/linux.rs"],
        mend: "write it safely, or put it into indexer/core/src/kernel/ with its safety sentence and a scalar twin",
    },
];

/// Reads Rust code; comments and strings may name anything.
pub(super) fn check(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for room in ROOMS.iter().filter(|room| !room.homes.iter().any(|home| file.path.starts_with(home))) {
        for (line, code) in file.code_lines() {
            if let Some(word) = room.words.iter().find(|word| names(code, word)) {
                findings.push(Finding::new(&file.path, line, format!("`{word}` outside its room"), room.mend));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_lines(path: &str, code: &str, expected: &[usize]) {
        let lines: Vec<usize> = check(&File::new(path, code)).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expected, "{path}: {code}");
    }

    #[test]
    fn only_the_store_names_rocksdb() {
        check_lines("indexer/src/writer.rs", "fn f() {\n    rocksdb::DB::open();\n}", &[2]);
        check_lines("indexer/src/writer.rs", "use rocksdb as db;", &[1]);
        check_lines("indexer/src/store.rs", "use rocksdb::DB;", &[]);
        check_lines("indexer/src/store/key.rs", "use rocksdb::DB;", &[]);
        check_lines("indexer/src/writer.rs", "/// Ends in `rocksdb::DB::write`.\nfn f() {}", &[]);
    }

    #[test]
    fn only_the_head_names_hnsw_rs() {
        check_lines("indexer/src/view.rs", "use hnsw_rs::prelude::Hnsw;", &[1]);
        check_lines("indexer/src/head.rs", "use hnsw_rs::prelude::Hnsw;", &[]);
        check_lines("indexer/src/head/graph.rs", "use hnsw_rs::prelude::Hnsw;", &[]);
        check_lines("benches/src/worker/hnsw_rs.rs", "use hnsw_rs::prelude::Hnsw;", &[]);
        check_lines("benches/src/run.rs", "use hnsw_rs::prelude::Hnsw;", &[1]);
    }

    #[test]
    fn only_the_codecs_call_bincode() {
        check_lines("indexer/src/writer.rs", "let bytes = bincode::encode_to_vec(value, config());", &[1]);
        check_lines("indexer/wire/src/message.rs", "use bincode::decode_from_slice;", &[1]);
        check_lines("indexer/wire/src/message.rs", "use bincode::{Decode, Encode};", &[]);
        check_lines("indexer/wire/src/codec.rs", "let bytes = bincode::encode_to_vec(value, config());", &[]);
    }

    #[test]
    fn only_its_store_names_the_client_of_etcd() {
        check_lines("router/coordination/src/election.rs", "use etcd_client::Client;", &[1]);
        check_lines("router/coordination/src/etcd.rs", "use etcd_client::Client;", &[]);
        check_lines("router/coordination/src/etcd/failure.rs", "use etcd_client::Error;", &[]);
    }

    #[test]
    fn unsafe_code_stands_beside_the_kernels_only() {
        check_lines("indexer/core/src/frozen.rs", "#![allow(unsafe_code)]\nunsafe { f() }", &[1, 2]);
        check_lines("router/src/lib.rs", "unsafe fn f() {}\nunsafe impl Send for X {}", &[1, 2]);
        check_lines("router/src/lib.rs", "#![forbid(unsafe_code)]\nlet x = \"unsafe { }\"; // unsafe {", &[]);
        check_lines("indexer/core/src/kernel/simd.rs", "unsafe { f() }", &[]);
    }
}

//! `annuli dump …`, on a store that the tests fill and on servers that they make up.

use crate::cli::{Run, run, run_in, run_with};
use crate::server::{Answer, Server, index};
use annuli_core::id::{HistoryId, IndexName, IndexUuid, Seq, ShardCount, ShardId};
use annuli_dump::{
    ArchiveWriter, Compression, CreatedAt, DumpId, DumpStore, EntryPath, HnswRecord, Manifest, ManifestHead,
    PendingDump, SchemaRecord, ShardRecord,
};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;
use uuid::Uuid;

const DUMP: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const INDEX: Uuid = Uuid::from_u128(0xf47a_c10b_58cc_4372_a567_0e02_b2c3_d479);

/// A workspace with one dump of the index `faces`, of one shard with 3 documents.
struct Workspace {
    folder: TempDir,
}

impl Workspace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = DumpStore::in_folder(folder.path().join(".dumps"));
        let pending = PendingDump::begin(&store, IndexUuid(INDEX), DumpId::parse(DUMP).unwrap()).unwrap();
        let file = pending.create_archive(ShardId(0)).unwrap();
        let mut writer = ArchiveWriter::new(file, Compression::default()).unwrap();
        writer.append(&EntryPath::db("000012.sst").unwrap(), 5, &mut &b"hello"[..]).unwrap();
        let (archive, file) = writer.finish().unwrap();
        file.publish().unwrap();
        let shard = ShardRecord { shard: ShardId(0), history: HistoryId(INDEX), seq: Seq(9), documents: 3, archive };
        let hnsw = HnswRecord { m: 16, ef_construction: 200 };
        let head = ManifestHead {
            dump: DumpId::parse(DUMP).unwrap(),
            index: IndexName::new("faces").unwrap(),
            index_uuid: IndexUuid(INDEX),
            created_at: CreatedAt::new("2026-01-31T12:00:00Z").unwrap(),
            schema: SchemaRecord {
                dim: 4,
                metric: "cosine".to_owned(),
                shards: ShardCount::ONE,
                hnsw,
                quantization: "int8".to_owned(),
            },
        };
        pending.commit(&Manifest::new(head, vec![shard]).unwrap()).unwrap();
        Self { folder }
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join(".dumps").join(INDEX.to_string()).join(DUMP).join("shard-0.tar.zst")
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let workspace = ["--workspace", self.folder.path().to_str().unwrap()];
        run(&[&["dump"], arguments, &workspace].concat())
    }
}

#[test]
fn dumps_are_listed_by_their_index() {
    let workspace = Workspace::new();
    let bytes = fs::metadata(workspace.archive()).unwrap().len();
    let dump = json!({
        "dump": DUMP, "index": "faces", "index_uuid": INDEX, "created_at": "2026-01-31T12:00:00Z", "shards": 1,
        "documents": 3, "bytes": bytes,
    });
    let listed = workspace.run(&["list", "--index", "faces", "--output", "json"]).json();
    assert_eq!(listed, json!({"dumps": [dump], "unusable": []}));
    let listed = workspace.run(&["list", "--index", "others", "--output", "json"]).json();
    assert_eq!(listed, json!({"dumps": [], "unusable": []}));
    let table = workspace.run(&["list"]).done();
    assert!(table.contains(&format!("{DUMP}  faces           -  2026-01-31T12:00:00Z       1          3")), "{table}");
    assert_eq!(run(&["dump", "list", "--store", "nowhere"]).done(), "no dumps\n");
}

#[test]
fn a_place_of_dumps_is_not_passed_over_where_a_server_dumps_or_a_cluster_restores() {
    let restore = ["dump", "restore", DUMP, "--index", "faces"];
    for place in [["--dumps", "elsewhere"], ["--store", "elsewhere"], ["--dumps-endpoint", "http://127.0.0.1:1"]] {
        let refused = run(&[&restore[..], &place].concat());
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("--dumps goes with --workspace"), "{}", refused.stderr);
    }
    let refused = run(&["dump", "create", "faces", "--dumps", "elsewhere"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("--dumps goes with --workspace: a server keeps its dumps"), "{}", refused.stderr);
    // Nobody is there to restore; but it is asked.
    assert_eq!(run(&[&["--url", "http://127.0.0.1:1"], &restore[..]].concat()).code, 69);
}

/// The dump went into the folder of the workspace, for whoever had not said the bucket.
#[test]
fn a_server_with_buckets_is_not_passed_over_where_dumps_are_in_a_folder() {
    let create = ["create", "faces", "--workspace", "nowhere"];
    let restore = ["restore", DUMP, "--index", "faces", "--workspace", "nowhere"];
    let endpoint = ["--dumps-endpoint", "http://127.0.0.1:1"];
    for command in [&create[..], &restore, &["list"], &["delete", DUMP, "--yes", "--dumps", "elsewhere"]] {
        let refused = run(&[&["dump"], command, &endpoint].concat());
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("--dumps-endpoint goes with a bucket"), "{}", refused.stderr);
    }
    // A variable may stand there for the server.
    assert_eq!(run_in(&[("ANNULI_DUMPS_ENDPOINT", "http://127.0.0.1:1")], &["dump", "list"]).done(), "no dumps\n");
    let bucket = [("ANNULI_DUMPS", "s3://dumps/annuli")];
    assert_ne!(run_in(&bucket, &[&["dump", "list"], &endpoint[..]].concat()).code, 2);
}

#[test]
fn what_is_no_dump_is_listed_apart() {
    let workspace = Workspace::new();
    fs::remove_file(workspace.archive().with_file_name("manifest.json")).unwrap();
    let table = workspace.run(&["list"]).done();
    assert!(table.starts_with("no dumps\n\nunusable"), "{table}");
    assert!(table.contains(&format!("{DUMP}  incomplete: ")), "{table}");
}

#[test]
fn a_dump_is_described_with_its_shards() {
    let workspace = Workspace::new();
    let text = workspace.run(&["inspect", DUMP]).done();
    assert!(text.contains(DUMP) && text.contains("cosine") && text.contains(&INDEX.to_string()), "{text}");
    let manifest = workspace.run(&["inspect", DUMP, "--output", "json"]).json();
    assert_eq!(manifest["shards"][0]["documents"], json!(3), "{manifest}");
    let other = "01890a5d-ac96-774b-bcce-b302099a8058";
    let absent = workspace.run(&["inspect", other]);
    assert_eq!(absent.code, 1);
    assert!(absent.stderr.contains(&format!("has no dump {other}")), "{}", absent.stderr);
}

#[test]
fn a_changed_byte_is_found() {
    let workspace = Workspace::new();
    let bytes = fs::metadata(workspace.archive()).unwrap().len();
    let sound = workspace.run(&["verify", DUMP]).done();
    assert_eq!(sound, format!("dump {DUMP} is sound: {bytes} bytes were read\n"));
    let mut archive = fs::read(workspace.archive()).unwrap();
    archive[40] ^= 1;
    fs::write(workspace.archive(), archive).unwrap();
    let damaged = workspace.run(&["verify", DUMP]);
    assert_eq!(damaged.code, 1);
    assert!(damaged.stderr.starts_with(&format!("error: dump {DUMP} is damaged: ")), "{}", damaged.stderr);
}

#[test]
fn a_dump_is_deleted_only_after_a_yes() {
    let workspace = Workspace::new();
    assert_eq!(workspace.run(&["delete", DUMP]).code, 1);
    assert!(workspace.archive().exists());
    assert_eq!(workspace.run(&["delete", DUMP, "--yes"]).done(), format!("dump {DUMP} is deleted\n"));
    assert!(!workspace.archive().exists());
}

fn task(status: &str) -> Value {
    let progress = json!({"shards_done": 0, "shards_total": 1});
    json!({"id": Uuid::nil(), "kind": "dump", "status": status, "progress": progress})
}

/// A server whose task ends as told, when it is looked at for the second time.
fn dumping(ended: Value) -> Server {
    Server::start(move |_, before| match before {
        0 => Answer::ok(&json!({"task": Uuid::nil()})),
        1 => Answer::ok(&task("running")),
        _ => Answer::ok(&ended),
    })
}

#[test]
fn a_dump_of_a_server_is_waited_for() {
    let mut ended = task("succeeded");
    ended["result"] = json!({
        "dump": DUMP, "index": "faces", "index_uuid": INDEX, "created_at": "2026-01-31T12:00:00Z", "shards": 1,
        "documents": 3, "bytes": 77,
    });
    let server = dumping(ended.clone());
    let table = run_with(&server, &["dump", "create", "faces"]).done();
    assert!(table.contains(DUMP) && table.contains("77"), "{table}");
    let look = format!("GET /v1/tasks/{}", Uuid::nil());
    assert_eq!(server.calls(), ["POST /v1/indexes/faces/dumps", &look, &look]);
    let json = run_with(&dumping(ended.clone()), &["dump", "create", "faces", "--output", "json"]).json();
    assert_eq!(json, ended);
}

#[test]
fn a_dump_that_fails_says_why() {
    let mut ended = task("failed");
    ended["error"] = json!({"code": "storage_full", "message": "the disk is full"});
    let failed = run_with(&dumping(ended), &["dump", "create", "faces"]);
    assert_eq!(failed.code, 1);
    assert_eq!(failed.stderr, "error: the dump of index `faces` has failed: the disk is full\n");
}

/// What a cluster says of a dump.
fn generation(number: u64) -> Value {
    json!({
        "dump": DUMP, "index": "faces", "index_uuid": INDEX, "created_at": "2026-01-31T12:00:00Z", "shards": 1,
        "documents": 3, "bytes": 77, "generation": number,
    })
}

#[test]
fn a_server_is_asked_for_its_dumps_and_deletes_them_itself() {
    let server = Server::start(|seen, _| match seen.call.as_str() {
        "GET /v1/indexes" => Answer::ok(&json!({"indexes": [index("faces", 4)]})),
        "GET /v1/indexes/faces/dumps" => Answer::ok(&json!({"dumps": [generation(5)]})),
        _ => Answer::text(204, ""),
    });
    let listed = run_with(&server, &["dump", "list", "--online", "--output", "json"]).json();
    assert_eq!(listed, json!({"dumps": [generation(5)], "unusable": []}));
    let table = run_with(&server, &["dump", "list", "--online", "--index", "faces"]).done();
    assert!(table.contains(&format!("{DUMP}  faces           5  2026")), "{table}");
    let deleted = run_with(&server, &["dump", "delete", DUMP, "--online", "--yes"]).done();
    assert_eq!(deleted, format!("dump {DUMP} is deleted\n"));
    assert_eq!(server.calls().last().unwrap(), &format!("DELETE /v1/indexes/faces/dumps/{DUMP}"));
    let other = "01890a5d-ac96-774b-bcce-b302099a8058";
    let unknown = run_with(&server, &["dump", "delete", other, "--online", "--yes"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown.stderr.starts_with(&format!("error: no index of the server has dump {other}")),
        "{}",
        unknown.stderr
    );
}

#[test]
fn nobody_waits_who_does_not_want_to() {
    let server = dumping(task("running"));
    let text = run_with(&server, &["dump", "create", "faces", "--wait=false"]).done();
    assert_eq!(text, format!("the dump is task {}\n", Uuid::nil()));
    assert_eq!(server.calls(), ["POST /v1/indexes/faces/dumps"]);
}

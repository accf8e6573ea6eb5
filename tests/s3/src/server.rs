//! One server with one bucket.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tempfile::TempDir;

/// A port that was free a moment ago may be taken: as often another is tried.
const TRIES: u32 = 5;

/// Between two looks whether it serves.
const PAUSE: Duration = Duration::from_millis(20);

/// That often is looked: for a minute, where moto's start takes seconds.
const LOOKS: u32 = 3_000;

/// For an answer to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// The bucket that each server has.
const BUCKET: &str = "dumps";

const ACCESS_KEY: &str = "annuli-access-key";
const SECRET_KEY: &str = "annuli-secret-key";

/// A server. It is killed when the last who uses it lets go.
pub struct S3Server {
    child: Child,
    address: String,
    places: AtomicU32,
    _folder: TempDir,
}

/// The program of a server that listens at that address and keeps a folder for each bucket in that folder.
type Program = fn(address: &str, buckets: &Path) -> Command;

const MOTO: Program = |address, _| {
    let (host, port) = address.split_once(':').unwrap();
    let mut program = Command::new(programs().join("python"));
    program.args(["-m", "moto.server", "-H", host, "-p", port]);
    program
};

const RCLONE: Program = |address, buckets| {
    let mut program = Command::new(programs().join("rclone"));
    program.args(["serve", "s3", "--config", "", "--auth-key", &format!("{ACCESS_KEY},{SECRET_KEY}")]);
    program.args(["--addr", address]).arg(buckets);
    program
};

impl S3Server {
    /// moto, which all tests that run at the same time share.
    ///
    /// # Panics
    /// When it is not here, or does not start.
    pub fn moto() -> Arc<Self> {
        static SHARED: Mutex<Weak<S3Server>> = Mutex::new(Weak::new());
        Self::shared(&SHARED, MOTO)
    }

    /// `rclone serve s3`, which all tests that run at the same time share.
    ///
    /// # Panics
    /// When it is not here, or does not start.
    pub fn rclone() -> Arc<Self> {
        static SHARED: Mutex<Weak<S3Server>> = Mutex::new(Weak::new());
        Self::shared(&SHARED, RCLONE)
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A prefix of the bucket that nobody else uses, as `s3://bucket/prefix`.
    pub fn new_place(&self) -> String {
        format!("s3://{BUCKET}/test/{}", self.places.fetch_add(1, Ordering::Relaxed))
    }

    /// The variables of the environment with which it is asked.
    pub fn variables(&self) -> Vec<(String, String)> {
        self.variables_at(&self.address)
    }

    /// The same, through whoever listens at that address.
    pub fn variables_at(&self, address: &str) -> Vec<(String, String)> {
        let endpoint = format!("http://{address}");
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ];
        variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The keys of a place's objects, on a server that tells anybody: moto. Keys are those after the place's own.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn keys(&self, place: &str) -> Vec<String> {
        self.listed(place, &format!("/{BUCKET}?list-type=2"))
    }

    /// The keys of a place's uploads that are under way, on a server that tells anybody: moto.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn uploads(&self, place: &str) -> Vec<String> {
        self.listed(place, &format!("/{BUCKET}?uploads"))
    }

    /// Puts an object below a place, on a server that lets anybody: moto.
    ///
    /// # Panics
    /// When it refuses.
    pub fn put(&self, place: &str, key: &str, bytes: &[u8]) {
        let answer = self.ask("PUT", &target(place, key), bytes).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// Removes an object below a place, on a server that lets anybody: moto.
    ///
    /// # Panics
    /// When it refuses.
    pub fn delete(&self, place: &str, key: &str) {
        let answer = self.ask("DELETE", &target(place, key), &[]).unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    fn listed(&self, place: &str, target: &str) -> Vec<String> {
        let answer = self.ask("GET", target, &[]).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let prefix = format!("{}/", place.trim_start_matches(&format!("s3://{BUCKET}/")));
        let keys = answer.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next());
        let mut keys: Vec<_> = keys.filter_map(|key| key.strip_prefix(&prefix)).map(str::to_owned).collect();
        keys.sort();
        keys
    }

    fn shared(shared: &Mutex<Weak<Self>>, program: Program) -> Arc<Self> {
        // A test that failed while it started one has left the place empty.
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let server = shared.upgrade().unwrap_or_else(|| Arc::new(Self::start(program)));
        *shared = Arc::downgrade(&server);
        server
    }

    fn start(program: Program) -> Self {
        (0..TRIES).find_map(|_| Self::try_start(program)).expect("an S3 server starts on one of several free ports")
    }

    fn try_start(program: Program) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let buckets = folder.path().join("buckets");
        fs::create_dir_all(buckets.join(BUCKET)).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = program(&address, &buckets).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let mut server = Self { child, address, places: AtomicU32::new(0), _folder: folder };
        for _ in 0..LOOKS {
            if server.child.try_wait().unwrap().is_some() {
                return None;
            }
            if server.make_bucket() {
                return Some(server);
            }
            pause();
        }
        None
    }

    /// Says whether it is there. moto makes it, whoever asks; rclone has a folder for it, and refuses who gives no
    /// credentials.
    fn make_bucket(&self) -> bool {
        self.ask("PUT", &format!("/{BUCKET}"), &[]).is_ok_and(|answer| answer.starts_with("HTTP/1."))
    }

    /// Asks with a signature that means nothing, and reads the answer to its end.
    fn ask(&self, method: &str, target: &str, body: &[u8]) -> io::Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let (host, bytes) = (&self.address, body.len());
        let credential = format!("Credential={ACCESS_KEY}/20260101/us-east-1/s3/aws4_request");
        let request = format!(
            "{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {bytes}\r\nconnection: close\r\n\
             authorization: AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0\r\n\r\n"
        );
        let mut answer = String::new();
        stream.write_all(request.as_bytes())?;
        stream.write_all(body)?;
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The path of a URL of an object.
fn target(place: &str, key: &str) -> String {
    format!("{}/{key}", place.trim_start_matches("s3:/"))
}

/// Where `tools/setup/s3` puts them.
fn programs() -> PathBuf {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    let pins = include_str!("../../../tools/setup/s3.pins");
    let name: Vec<_> = pins.lines().collect();
    let cached = cache.map(|cache| cache.join("annuli/s3").join(name.join(",")).join("bin"));
    let found = variable("ANNULI_S3_SERVERS").into_iter().chain(cached).find(|programs| programs.is_dir());
    found.expect("no S3 servers here: `tools/setup/s3` sees to them, and `make test` calls it")
}

/// Waits for a message that nobody sends: unlike a parked thread, this never returns early.
fn pause() {
    let (_nobody, silence) = sync_channel::<()>(1);
    assert_eq!(silence.recv_timeout(PAUSE), Err(RecvTimeoutError::Timeout));
}

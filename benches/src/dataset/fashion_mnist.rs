//! Fashion-MNIST: 60,000 images of 28 × 28 grey levels and 10,000 queries, under the Euclidean metric; the set that
//! ann-benchmarks calls fashion-mnist-784-euclidean. It comes as a Debian package.

use super::cache::{self, Cache, Unverified};
use super::idx::{self, UnreadableIdx};
use super::{Dataset, Name};
use crate::files::FileFailed;
use crate::tool::{self, ToolFailed};
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::{Metric, Number, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PACKAGE: &str = "dataset-fashion-mnist";
const ARCHIVE_SHA256: &str = "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0";
const FOLDER_IN_ARCHIVE: &str = "./usr/share/datasets/fashion-mnist";

/// Why the data set is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFashionMnist {
    #[error(
        "the Debian package `{PACKAGE}` is out of reach ({reason}); put its .deb (sha256 {ARCHIVE_SHA256}) into {}, \
         or let an administrator run `apt-get update` on this machine and try again",
        folder.display()
    )]
    Unreachable { reason: String, folder: PathBuf },
    #[error(transparent)]
    Unverified(#[from] Unverified),
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error("{file}: {source}")]
    Idx { file: &'static str, source: UnreadableIdx },
}

/// Brings the verified, unpacked files into the cache and returns their folder.
pub(crate) fn fetch(cache: &Cache) -> Result<PathBuf, NoFashionMnist> {
    let folder = cache.folder_of(Name::FashionMnist.as_str())?;
    let archive = match archive_in(&folder)? {
        Some(archive) => archive,
        None => download(&folder)?,
    };
    cache::verify_sha256(&archive, ARCHIVE_SHA256)?;
    let unpacked = folder.join("unpacked");
    if !unpacked.exists() {
        unpack(&archive, &folder, &unpacked)?;
    }
    Ok(unpacked)
}

/// The data set, fetched if it is not there; each image's label is its metadata.
pub(crate) fn load(cache: &Cache) -> Result<Dataset, NoFashionMnist> {
    let folder = fetch(cache)?;
    let images = |file| idx::images(&gunzip(&folder, file)?).map_err(|source| NoFashionMnist::Idx { file, source });
    let labels = |file| idx::labels(&gunzip(&folder, file)?).map_err(|source| NoFashionMnist::Idx { file, source });
    let base = images("train-images-idx3-ubyte.gz")?;
    let labelled =
        |label: u8| WireMetadata([("label".into(), Value::Number(Number::Integer(i128::from(label))))].into());
    Ok(Dataset {
        name: Name::FashionMnist,
        metric: Metric::Euclidean,
        ids: (0..base.nrows()).map(|row| row.to_string()).collect(),
        metadata: labels("train-labels-idx1-ubyte.gz")?.into_iter().map(labelled).collect(),
        base,
        queries: images("t10k-images-idx3-ubyte.gz")?,
        shipped_neighbours: None,
        filtered: Vec::new(),
    })
}

/// Whatever the version is called, the checksum decides whether it is the right one.
fn archive_in(folder: &Path) -> Result<Option<PathBuf>, FileFailed> {
    let failed = |source| FileFailed { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PACKAGE) && name.ends_with(".deb") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Needs no privileges: `apt-get download` puts the archive into the current folder and installs nothing.
fn download(folder: &Path) -> Result<PathBuf, NoFashionMnist> {
    let unreachable = |reason| NoFashionMnist::Unreachable { reason, folder: folder.to_owned() };
    tool::output(Command::new("apt-get").args(["download", PACKAGE]).current_dir(folder))
        .map_err(|error| unreachable(error.to_string()))?;
    archive_in(folder)?.ok_or_else(|| unreachable("apt-get left no archive".to_owned()))
}

/// A .deb is an `ar` archive; `ar` comes with the linker that Rust needs, so that dpkg is not asked for.
fn unpack(archive: &Path, folder: &Path, unpacked: &Path) -> Result<(), NoFashionMnist> {
    let failed = |source| FileFailed { path: folder.to_owned(), source };
    let partial = tempfile::tempdir_in(folder).map_err(failed)?;
    let mut ar = Command::new("ar")
        .arg("p")
        .args([archive, Path::new("data.tar.xz")])
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| ToolFailed { command: "ar p".to_owned(), outcome: error.to_string() })?;
    let tar_stream = ar.stdout.take().expect("piped just above");
    let depth = format!("--strip-components={}", FOLDER_IN_ARCHIVE.split('/').count());
    let mut tar = Command::new("tar");
    tar.args(["-xJf", "-", &depth, "-C"]).arg(partial.path()).arg(FOLDER_IN_ARCHIVE).stdin(tar_stream);
    let outcome = tool::output(&mut tar);
    // The archive's checksum is known to be right: what `tar` could read to its end, `ar` has written as a whole.
    ar.wait().map_err(failed)?;
    outcome?;
    fs::rename(partial.keep(), unpacked).map_err(failed)?;
    Ok(())
}

/// Gzip checks its own checksum: a damaged file is an error here.
fn gunzip(folder: &Path, file: &str) -> Result<Vec<u8>, ToolFailed> {
    tool::output(Command::new("gzip").arg("-dc").arg(folder.join(file)))
}

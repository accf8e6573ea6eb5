//! Fashion-MNIST: 60,000 images of 28 × 28 grey levels and 10,000 queries, under the Euclidean metric; the set that
//! ann-benchmarks calls fashion-mnist-784-euclidean. It comes as a Debian package.

use super::archive::{Archive, NoArchive};
use super::cache::Cache;
use super::idx::{self, UnreadableIdx};
use super::{Dataset, Name};
use crate::files::FileFailed;
use crate::tool::{self, ToolFailed};
use annuli_api::v1::metadata::WireMetadata;
use annuli_core::{Metric, Number, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

static ARCHIVE: Archive = Archive {
    dataset: Name::FashionMnist.as_str(),
    starts: "dataset-fashion-mnist",
    ends: ".deb",
    sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
    command: &["apt-get", "download", "dataset-fashion-mnist"],
};
const FOLDER_IN_ARCHIVE: &str = "./usr/share/datasets/fashion-mnist";

/// Why the data set is not at hand.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoFashionMnist {
    #[error(transparent)]
    Archive(#[from] NoArchive),
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error(transparent)]
    File(#[from] FileFailed),
    #[error("{file}: {source}")]
    Idx { file: &'static str, source: UnreadableIdx },
}

/// Brings the verified, unpacked files into the cache and returns their folder.
pub(crate) fn fetch(cache: &Cache) -> Result<PathBuf, NoFashionMnist> {
    let archive = ARCHIVE.fetch(cache)?;
    let folder = cache.folder_of(ARCHIVE.dataset)?;
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

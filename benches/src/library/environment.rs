//! Python environments for the peers: made once from pinned requirements, kept outside of the repository.

use crate::dataset::cache::Checksum;
use crate::files::{self, FileFailed};
use crate::tool::{self, ToolFailed};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An environment: what it holds, and the interpreter that it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Environment {
    /// The libraries that run on any recent Python.
    Libraries,
    /// pyglass, whose wheel is for CPython 3.10.
    Glass,
    /// Chroma's server.
    Chroma,
    /// PostgreSQL with pgvector.
    Pgvector,
    /// Milvus's server and client.
    Milvus,
    /// Milvus-Lite's server and client.
    MilvusLite,
    /// AnnLite, which needs packages of its time.
    AnnLite,
}

/// Why there is no such environment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoEnvironment {
    #[error("no folder for Python environments: set ANNULI_PEERS or HOME")]
    NoFolder,
    #[error(
        "no {wanted} at hand: install it, or name one in the variable ANNULI_PYTHON_3_10 (pyglass has a wheel for no other)"
    )]
    NoInterpreter { wanted: &'static str },
    #[error(transparent)]
    Tool(#[from] ToolFailed),
    #[error(transparent)]
    File(#[from] FileFailed),
}

/// Written last: without it an environment is only a part of one.
const COMPLETE: &str = "complete";

impl Environment {
    /// Its interpreter, after making the environment if it is not there.
    pub(crate) fn python(self) -> Result<PathBuf, NoEnvironment> {
        let requirements = scripts().join(self.requirements());
        let pins = files::read(&requirements)?;
        let name = format!("{}-{}", self.name(), Checksum::default().bytes(&pins).hexadecimal());
        let folder = folder()?.join(name);
        let python = folder.join("bin/python");
        if folder.join(COMPLETE).exists() {
            return Ok(python);
        }
        eprintln!("peers: making {} from {}, once", folder.display(), self.requirements());
        let failed = |source| FileFailed { path: folder.clone(), source };
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(failed)?;
        }
        tool::output(Command::new(self.interpreter()?).args(["-m", "venv"]).arg(&folder))?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
        tool::output(install.arg(&requirements))?;
        files::write(&folder.join(COMPLETE), b"")?;
        Ok(python)
    }

    /// The version of a package that its requirements pin, as `name version`.
    pub(crate) fn pinned(self, package: &str) -> Result<String, NoEnvironment> {
        let pins = files::read(&scripts().join(self.requirements()))?;
        let pins = String::from_utf8_lossy(&pins).into_owned();
        let pin = pins.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
        Ok(format!("{package} {}", pin.unwrap_or("(not pinned)").trim()))
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Libraries => "libraries",
            Self::Glass => "glass",
            Self::Chroma => "chroma",
            Self::Pgvector => "pgvector",
            Self::Milvus => "milvus",
            Self::MilvusLite => "milvus-lite",
            Self::AnnLite => "annlite",
        }
    }

    const fn requirements(self) -> &'static str {
        match self {
            Self::Libraries => "requirements.txt",
            Self::Glass => "requirements-glass.txt",
            Self::Chroma => "requirements-chroma.txt",
            Self::Pgvector => "requirements-pgvector.txt",
            Self::Milvus => "requirements-milvus.txt",
            Self::MilvusLite => "requirements-milvus-lite.txt",
            Self::AnnLite => "requirements-annlite.txt",
        }
    }

    fn interpreter(self) -> Result<PathBuf, NoEnvironment> {
        match self {
            Self::Libraries | Self::Chroma | Self::Pgvector | Self::Milvus | Self::MilvusLite | Self::AnnLite => {
                Ok("python3".into())
            }
            Self::Glass => {
                let wanted = "python3.10";
                python_3_10().ok_or(NoEnvironment::NoInterpreter { wanted })
            }
        }
    }
}

/// Where the adapters are.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn folder() -> Result<PathBuf, NoEnvironment> {
    let at_home = || Some(env::home_dir()?.join(".cache/annuli/peers"));
    env::var_os("ANNULI_PEERS").map(PathBuf::from).or_else(at_home).ok_or(NoEnvironment::NoFolder)
}

/// The one that is named, else on the path, else among those that pyenv keeps.
fn python_3_10() -> Option<PathBuf> {
    if let Some(named) = env::var_os("ANNULI_PYTHON_3_10") {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let on_path = env::split_paths(&path).map(|folder| folder.join("python3.10"));
    let versions = env::home_dir().and_then(|home| fs::read_dir(home.join(".pyenv/versions")).ok());
    let of_pyenv = versions.into_iter().flatten().flatten().map(|version| version.path().join("bin/python3.10"));
    // A shim of pyenv stands on the path for versions that are not switched on: only one that runs counts.
    on_path.chain(of_pyenv).find(|python| python.is_file() && tool::output(Command::new(python).arg("-V")).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_version_is_that_of_the_requirements() {
        assert_eq!(Environment::Libraries.pinned("hnswlib").unwrap(), "hnswlib 0.8.0");
    }
}

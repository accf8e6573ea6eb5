//! The server's configuration: a file, overridden by the environment, overridden by flags.
//!
//! ```text
//! annuli.toml                    listen = "127.0.0.1:7700"       named by --config or ANNULI_CONFIG
//!                                [limits]
//!                                k_max = 1000
//! environment                    ANNULI_LISTEN=127.0.0.1:7701    two underscores for a dot: ANNULI_LIMITS__K_MAX=2000
//! flags                          --listen 127.0.0.1:7702
//! ```
//!
//! Every value remembers where it came from, and every error says so. Modules in reading order.

pub mod help;

mod collector;
pub mod dump_place;
pub mod limits;
pub mod polling;
mod port;
pub mod settings;
mod shard_count;
mod share;

mod error;
mod flags;
mod layer;
mod nearest;
mod soundness;

pub use collector::{Collector, InvalidCollector};
pub use dump_place::DumpPlace;
pub use error::{ConfigError, Refusal};
pub use flags::Flags;
pub use limits::Limits;
pub use polling::{Endpoint, PollingRule, PollingRules};
pub use settings::{Durability, LogFormat, MetricSetting, Settings};
pub use share::{InvalidShare, Share};
use soundness::Guard;
pub use soundness::Unsound;

use figment::Figment;
use figment::providers::Serialized;
use layer::Layer;
use std::ffi::OsString;

/// What a value is from that nobody has set.
const DEFAULT: &str = "default";

/// Who is to reach a server at `listen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callers {
    /// Whoever uses the API, who may be asked for a key.
    Clients,
    /// Processes of the same cluster, who have its secret.
    Cluster,
}

/// The settings of a server, each with the place that it came from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The settings.
    pub settings: Settings,
    /// Variables that begin with `ANNULI_` and name no setting, to be warned about. They are no error, because other
    /// programs make some: Kubernetes sets `ANNULI_PORT` in every container near a service called `annuli`.
    pub ignored_variables: Vec<String>,
    /// Why nothing is traced although the variable for all programs, OTEL_EXPORTER_OTLP_ENDPOINT, names something: to be
    /// warned about, because it may be meant for others.
    pub unusable_collector: Option<InvalidCollector>,
    figment: Figment,
}

impl Config {
    /// Reads file, environment and flags, and checks what comes of them.
    pub fn load(flags: &Flags, callers: Callers) -> Result<Self, ConfigError> {
        Self::load_over(None, flags, callers)
    }

    /// The same, over what a place says that everybody may contradict.
    pub fn load_over(below: Option<(&str, &Flags)>, flags: &Flags, callers: Callers) -> Result<Self, ConfigError> {
        Self::of(below, flags, callers, std::env::vars_os())
    }

    /// Reads file and flags, with another environment than that of this process.
    pub fn load_with(
        flags: &Flags,
        callers: Callers,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        Self::of(None, flags, callers, environment)
    }

    fn of(
        below: Option<(&str, &Flags)>,
        flags: &Flags,
        callers: Callers,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let environment = layer::environment(environment)?;
        let (collector, unusable) =
            environment.collector.transpose().map_or_else(|error| (None, Some(error)), |of| (of, None));
        let mut layers: Vec<_> = collector.into_iter().collect();
        layers.extend(below.map(|(place, said)| layer::said(place, said)));
        if let Some(path) = &flags.config {
            layers.push(layer::file(path)?);
        }
        let has_key = environment.has_key;
        layers.extend(environment.layers);
        layers.extend(layer::flags(flags));

        let figment = layers.into_iter().fold(defaults(), Figment::merge::<Layer>);
        let settings: Settings = figment.extract().map_err(|error| ConfigError::from_figment(&error, &figment))?;
        let guard = match callers {
            Callers::Cluster => Guard::Secret,
            Callers::Clients if has_key || settings.api_keys.is_some() => Guard::Keys,
            Callers::Clients => Guard::None,
        };
        soundness::check(&settings, guard).map_err(|unsound| ConfigError::from_unsound(unsound, &figment))?;
        // Who says something else of it has thought of it.
        let unusable_collector = unusable.filter(|_| source_of(&figment, "traces") == DEFAULT);
        Ok(Self { settings, ignored_variables: environment.ignored, unusable_collector, figment })
    }

    /// Where the value of a setting came from: `default`, `file annuli.toml`, `environment variable ANNULI_LISTEN`,
    /// `flag --listen`. The key's parts are joined by dots: `limits.k_max`.
    pub fn source(&self, key: &str) -> String {
        source_of(&self.figment, key)
    }
}

fn defaults() -> Figment {
    Figment::from(Serialized::defaults(Settings::default()))
}

fn source_of(figment: &Figment, key: &str) -> String {
    match figment.find_metadata(key) {
        Some(metadata) if metadata.name.starts_with(layer::NAMED_AFTER_ITS_PLACE) => {
            metadata.name.trim_start_matches(layer::NAMED_AFTER_ITS_PLACE).to_owned()
        }
        Some(_) | None => DEFAULT.to_owned(),
    }
}

#[cfg(test)]
mod tests;

//! Where settings come from: one layer for the file, one for each environment variable, one for each flag. A layer is
//! so small so that its name is the place of each value in it.

use super::collector::{Collector, InvalidCollector};
use super::error::{ConfigError, NotText, NotToml, UnreadableFile};
use super::flags::Flags;
use super::nearest::nearest;
use super::settings::Settings;
use crate::keys;
use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Begins every variable.
const PREFIX: &str = "ANNULI_";

/// Variables of the command line and of `annuli bench`, which are no settings.
const NOT_SETTINGS: [&str; 21] = [
    "ANNULI_ADVERTISE",
    "ANNULI_API_KEY",
    "ANNULI_API_KEY_ADMIN",
    "ANNULI_API_KEY_FILE",
    "ANNULI_API_KEY_READ",
    "ANNULI_API_KEY_WRITE",
    "ANNULI_AT",
    "ANNULI_CA_FILE",
    "ANNULI_CLUSTER_SECRET_FILE",
    "ANNULI_CONFIG",
    "ANNULI_COORDINATION",
    "ANNULI_COORDINATOR_TERM",
    "ANNULI_DRAIN",
    "ANNULI_DUMPS_KEPT",
    "ANNULI_DUMP_AFTER_CHANGES",
    "ANNULI_DUMP_EVERY",
    "ANNULI_PROGRAM",
    "ANNULI_RETIRE_AFTER",
    "ANNULI_SHARD",
    "ANNULI_TOPOLOGY",
    "ANNULI_URL",
];

/// Where other programs of a machine are told who takes spans: heard below all that is said to us alone.
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where they are told not to send any.
const SENDS_NOTHING: &str = "OTEL_SDK_DISABLED";

/// Where they are told in which ways to send them, of which we know `otlp`.
const EXPORTERS: &str = "OTEL_TRACES_EXPORTER";

/// Begins the metadata's name of each layer of this module, and of no other provider.
pub(super) const NAMED_AFTER_ITS_PLACE: &str = "annuli: ";

/// Values from one place.
pub(super) struct Layer {
    place: String,
    values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("{NAMED_AFTER_ITS_PLACE}{}", self.place))
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// What the environment says.
pub(super) struct Environment {
    /// What is said to all programs of who takes spans, if that is anybody. It may be meant for others, who send in other ways.
    pub(super) collector: Option<Result<Layer, InvalidCollector>>,
    pub(super) layers: Vec<Layer>,
    /// Variables that name no setting.
    pub(super) ignored: Vec<String>,
    /// Whether a variable holds an API key of the server.
    pub(super) has_key: bool,
}

pub(super) fn file(path: &Path) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| UnreadableFile { path: path.to_owned(), error })?;
    let values = Toml::from_str(&text).map_err(|error| NotToml { path: path.to_owned(), error: error.to_string() })?;
    Ok(Layer { place: format!("file {}", path.display()), values })
}

pub(super) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Environment, ConfigError> {
    // By name, so that ANNULI_LIMITS__K_MAX wins over the k_max in ANNULI_LIMITS, wherever they stand.
    let variables: BTreeMap<OsString, OsString> = variables.into_iter().collect();
    let collector = collector_of_all(&variables);
    let mut found = Environment { collector, layers: Vec::new(), ignored: Vec::new(), has_key: false };
    for (name, value) in variables {
        let Ok(name) = name.into_string() else { continue };
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        found.has_key |= keys::VARIABLES.iter().any(|(variable, _)| *variable == name);
        if NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let key = key.to_lowercase();
        let path: Vec<&str> = key.split("__").collect();
        if !means_a_setting(path[0]) {
            found.ignored.push(name);
            continue;
        }
        let Ok(value) = value.into_string() else { return Err(NotText { variable: name }.into()) };
        let values = nested(&path, value_of(&path, &value));
        found.layers.push(Layer { place: format!("environment variable {name}"), values });
    }
    Ok(found)
}

fn collector_of_all(variables: &BTreeMap<OsString, OsString>) -> Option<Result<Layer, InvalidCollector>> {
    let said = |name: &str| variables.get(OsStr::new(name)).filter(|said| !said.is_empty());
    let knows_otlp = |said: &OsString| said.to_string_lossy().split(',').any(|exporter| exporter.trim() == "otlp");
    let url = said(COLLECTOR)?;
    if said(SENDS_NOTHING).is_some_and(|said| said.eq_ignore_ascii_case("true"))
        || said(EXPORTERS).is_some_and(|said| !knows_otlp(said))
    {
        return None;
    }
    let Some(url) = url.to_str() else { return Some(Err(InvalidCollector::Malformed)) };
    let place = format!("environment variable {COLLECTOR}");
    Some(url.parse::<Collector>().map(|_| Layer { place, values: nested(&["traces"], Value::from(url)) }))
}

/// What another place than the command line says in the words of its flags.
pub(super) fn said(place: &str, flags: &Flags) -> Layer {
    Layer { place: place.to_owned(), values: values(flags) }
}

fn values(flags: &Flags) -> Dict {
    let Ok(Value::Dict(_, values)) = Value::serialize(flags) else {
        unreachable!("a struct of texts and numbers is a dictionary")
    };
    values
}

pub(super) fn flags(flags: &Flags) -> Vec<Layer> {
    let layer = |(key, value): (String, Value)| Layer {
        place: format!("flag --{}", key.replace('_', "-")),
        values: Dict::from([(key, value)]),
    };
    values(flags).into_iter().map(layer).collect()
}

/// A known name, or one so near to it that it is better refused than ignored.
fn means_a_setting(name: &str) -> bool {
    nearest(name, Settings::HELP.iter().map(|(known, _)| *known)).is_some()
}

/// A text where the setting is one, so that `ANNULI_WORKSPACE=2026` is a folder; else JSON if it is that.
fn value_of(path: &[&str], text: &str) -> Value {
    let default = super::defaults().find_value(&path.join("."));
    if matches!(default, Ok(Value::String(..) | Value::Empty(..))) {
        return Value::from(text);
    }
    let json = serde_json::from_str::<serde_json::Value>(text).ok();
    json.and_then(|json| Value::serialize(json).ok()).unwrap_or_else(|| Value::from(text))
}

fn nested(path: &[&str], value: Value) -> Dict {
    match path {
        [] => Dict::new(),
        [key] => Dict::from([((*key).to_owned(), value)]),
        [key, rest @ ..] => Dict::from([((*key).to_owned(), Value::from(nested(rest, value)))]),
    }
}

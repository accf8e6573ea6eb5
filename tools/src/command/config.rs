//! `annuli config`: the configuration that a server would run with, as a file that could be its own.

use crate::cli::OutputFormat;
use crate::command::CommandError;
use crate::config::help::Help;
use crate::config::{Callers, Config, Flags, Limits, Settings};
use crate::output;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Column at which the source of a value stands.
const SOURCE_COLUMN: usize = 40;

/// Loads the configuration, and prints each value with its source.
pub fn run(flags: &Flags, format: OutputFormat) -> Result<(), CommandError> {
    let config = Config::load(flags, Callers::Clients)?;
    match format {
        OutputFormat::Table => output::text(&as_file(&config))?,
        OutputFormat::Json => output::json(&as_json(&config))?,
    }
    Ok(())
}

fn as_json(config: &Config) -> Value {
    let setting = |key: &str, value| (key.to_owned(), json!({"value": value, "source": config.source(key)}));
    let mut settings = Map::new();
    for (key, value) in values(&config.settings) {
        if let Value::Object(inner) = value {
            settings.extend(inner.into_iter().map(|(name, value)| setting(&format!("{key}.{name}"), value)));
        } else {
            settings.extend([setting(key, value)]);
        }
    }
    Value::Object(settings)
}

/// Every setting, in the order of their declaration, which has the tables last, as TOML needs it.
fn values(settings: &Settings) -> Vec<(&'static str, Value)> {
    let Ok(Value::Object(mut values)) = serde_json::to_value(settings) else {
        unreachable!("settings are a struct with a JSON form")
    };
    Settings::HELP.iter().map(|(key, _)| (*key, values.remove(*key).unwrap_or(Value::Null))).collect()
}

fn as_file(config: &Config) -> String {
    let mut file = String::new();
    for ((key, value), (_, help)) in values(&config.settings).into_iter().zip(Settings::HELP) {
        comment(&mut file, help);
        if let Value::Object(inner) = value {
            file.push_str(&format!("[{key}]\n"));
            let limit = |name: &str| Limits::HELP.iter().position(|(limit, _)| key == "limits" && *limit == name);
            let mut inner: Vec<_> = inner.into_iter().map(|(name, value)| (limit(&name), name, value)).collect();
            // Limits in the order of their declaration, other tables by name.
            inner.sort_by_key(|(limit, ..)| *limit);
            for (limit, name, value) in inner {
                comment(&mut file, limit.map_or(&[], |limit| Limits::HELP[limit].1));
                assignment(&mut file, &name, &value, &config.source(&format!("{key}.{name}")));
            }
        } else {
            assignment(&mut file, key, &value, &config.source(key));
        }
        file.push('\n');
    }
    file
}

fn comment(file: &mut String, help: Help) {
    for line in help {
        file.push_str(&format!("#{line}\n"));
    }
}

/// One line. JSON writes texts, numbers and switches as TOML does; what is not set stands in a comment.
fn assignment(file: &mut String, name: &str, value: &Value, source: &str) {
    let bare = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    let name = if bare { name.to_owned() } else { format!("{name:?}") };
    let line = if value.is_null() { format!("# {name} =") } else { format!("{name} = {value}") };
    writeln!(file, "{line:<SOURCE_COLUMN$} # {source}").expect("writing to a string does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(flags: &Flags) -> Config {
        Config::load_with(flags, Callers::Clients, [("ANNULI_LIMITS__K_MAX".into(), "7".into())]).unwrap()
    }

    #[test]
    fn the_printed_configuration_is_a_file_of_the_same_settings() {
        let config = load(&Flags { listen: Some("127.0.0.1:1".to_owned()), shards: Some(3), ..Flags::default() });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), as_file(&config)).unwrap();
        let flags = Flags { config: Some(file.path().to_owned()), ..Flags::default() };
        assert_eq!(Config::load_with(&flags, Callers::Clients, []).unwrap().settings, config.settings);
    }

    #[test]
    fn each_value_stands_with_its_help_and_its_source() {
        let file = as_file(&load(&Flags { shards: Some(3), ..Flags::default() }));
        for line in [
            "# Shards of an index that is created without naming a number.",
            "shards = 3                               # flag --shards",
            "# dumps =                                # default",
            "\"/search\" = \"ALL\"                        # default",
            "# Most hits of one query, `offset` included.",
            "k_max = 7                                # environment variable ANNULI_LIMITS__K_MAX",
        ] {
            assert!(file.lines().any(|printed| printed == line), "{line}\n---\n{file}");
        }
    }

    #[test]
    fn programs_get_values_and_sources_by_their_keys() {
        let json = as_json(&load(&Flags { shards: Some(3), ..Flags::default() }));
        assert_eq!(json["shards"], json!({"value": 3, "source": "flag --shards"}));
        let source = "environment variable ANNULI_LIMITS__K_MAX";
        assert_eq!(json["limits.k_max"], json!({"value": 7, "source": source}));
        assert_eq!(json["polling./search"], json!({"value": "ALL", "source": "default"}));
    }
}

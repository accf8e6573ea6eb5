use super::*;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Loads a configuration of a file (none if empty), variables and flags.
fn load(file: &str, environment: &[(&str, &str)], mut flags: Flags) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("annuli.toml");
    if !file.is_empty() {
        std::fs::write(&path, file).unwrap();
        flags.config = Some(path.clone());
    }
    let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
    Config::load_with(&flags, Callers::Clients, environment)
        .map_err(|error| error.to_string().replace(path.to_str().unwrap(), "F"))
}

#[track_caller]
fn check_refused(file: &str, environment: &[(&str, &str)], flags: Flags, message: &str) {
    assert_eq!(load(file, environment, flags).unwrap_err(), message);
}

fn listen(address: &str) -> Flags {
    Flags { listen: Some(address.to_owned()), ..Flags::default() }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = "listen = \"127.0.0.1:1\"\nshards = 1\ndrain_ms = 1\n[limits]\nk_max = 1\nef_max = 1";
    let environment = [("ANNULI_LISTEN", "127.0.0.1:2"), ("ANNULI_SHARDS", "2"), ("ANNULI_LIMITS__K_MAX", "2")];
    let config = load(file, &environment, listen("127.0.0.1:3")).unwrap();
    let Settings { listen, shards, drain_ms, limits, .. } = &config.settings;
    assert_eq!((listen.port(), shards.get(), *drain_ms), (3, 2, 1));
    assert_eq!((limits.k_max, limits.ef_max, limits.queries_max), (2, 1, Limits::default().queries_max));
}

#[test]
fn every_value_knows_where_it_came_from() {
    let config = load("[limits]\nef_max = 7", &[("ANNULI_LIMITS__K_MAX", "2")], listen("127.0.0.1:3")).unwrap();
    assert_eq!(config.source("listen"), "flag --listen");
    assert_eq!(config.source("limits.k_max"), "environment variable ANNULI_LIMITS__K_MAX");
    assert!(config.source("limits.ef_max").starts_with("file /"), "{}", config.source("limits.ef_max"));
    assert_eq!(config.source("shards"), "default");
}

#[test]
fn without_anything_the_defaults_hold() {
    let config = load("", &[], Flags::default()).unwrap();
    assert_eq!(config.settings, Settings::default());
    assert_eq!(config.settings.listen.to_string(), "127.0.0.1:7700");
}

#[test]
fn a_bad_value_is_refused_with_its_place() {
    let variable = [("ANNULI_LISTEN", "nonsense")];
    let reason = "invalid socket address syntax";
    let message = format!("listen = \"nonsense\" from environment variable ANNULI_LISTEN: {reason}");
    check_refused("", &variable, Flags::default(), &message);
    let message = format!("listen = \"nonsense\" from flag --listen: {reason}");
    check_refused("", &variable, listen("nonsense"), &message);
    check_refused(
        "durability = \"fsyn\"",
        &[],
        Flags::default(),
        "durability = \"fsyn\" from file F: choose one of fsync, os",
    );
    check_refused(
        "",
        &[("ANNULI_LIMITS__K_MAX", "many")],
        Flags::default(),
        "limits.k_max = \"many\" from environment variable ANNULI_LIMITS__K_MAX: \
         invalid type: found string \"many\", expected usize",
    );
    check_refused(
        "shards = 257",
        &[],
        Flags::default(),
        "shards = 257 from file F: an index cannot have 257 shards: it needs 1 to 256",
    );
    check_refused(
        "search_threads = 0",
        &[],
        Flags::default(),
        "search_threads = 0 from file F: invalid value signed int `0`, expected a nonzero usize",
    );
    check_refused(
        "[polling]\n\"/search\" = \"SOME\"",
        &[],
        Flags::default(),
        "polling./search = \"SOME\" from file F: choose one of ANY, ALL",
    );
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_name() {
    check_refused("listn = 1", &[], Flags::default(), "`listn` from file F is no setting: did you mean `listen`?");
    check_refused(
        "[limits]\nkmax = 1",
        &[],
        Flags::default(),
        "`limits.kmax` from file F is no setting: did you mean `k_max`?",
    );
    check_refused(
        "[polling]\n\"/serch\" = \"ANY\"",
        &[],
        Flags::default(),
        "`polling./serch` from file F is no setting: did you mean `/search`?",
    );
    check_refused(
        "",
        &[("ANNULI_LIMIT__K_MAX", "1")],
        Flags::default(),
        "`limit` from environment variable ANNULI_LIMIT__K_MAX is no setting: did you mean `limits`?",
    );
    let known = "workspace, listen, qdrant_port, jina_metric, api_keys, metrics_open, tls_cert, tls_key, audit_log, insecure, \
                 shards, durability, search_threads, seal_points, dumps, dumps_endpoint, drain_ms, log, log_format, traces, traces_sample, \
                 polling, limits";
    let message = format!("`colour` from file F is no setting: there are {known}");
    check_refused("colour = 1", &[], Flags::default(), &message);
}

#[test]
fn a_variable_that_another_program_made_is_reported_not_refused() {
    let environment = [("ANNULI_PORT", "tcp://10.0.0.1:80"), ("ANNULI_CXX", "c++"), ("ANNULI_URL", ""), ("HOME", "")];
    let config = load("", &environment, Flags::default()).unwrap();
    assert_eq!(config.ignored_variables, ["ANNULI_CXX", "ANNULI_PORT"]);
}

/// Routers said that `ANNULI_DUMP_EVERY` had no effect, and heeded it.
#[test]
fn a_variable_of_the_command_line_is_not_said_to_have_no_effect() {
    fn variables(command: &clap::Command) -> Vec<String> {
        let own = command.get_arguments().filter_map(|argument| argument.get_env());
        let own = own.filter_map(|name| name.to_str().map(str::to_owned));
        own.chain(command.get_subcommands().flat_map(variables)).collect()
    }
    let all = variables(&<crate::cli::Cli as clap::CommandFactory>::command());
    assert!(all.iter().any(|name| name == "ANNULI_DUMP_EVERY"));
    for name in all {
        // Settings want a value of their own kind, which is another fact.
        if let Ok(config) = load("", &[(&name, "s3://annuli/dumps")], Flags::default()) {
            assert_eq!(config.ignored_variables, [""; 0], "{name}");
        }
    }
}

#[test]
fn limits_have_a_floor_and_a_ceiling() {
    let message = "limits.k_max = 0 from file F: it needs 1 to 1000000";
    check_refused("limits.k_max = 0", &[], Flags::default(), message);
    let message = "limits.body_bytes_max = 1073741825 from file F: it needs 1 to 1073741824";
    check_refused("limits.body_bytes_max = 1073741825", &[], Flags::default(), message);
    check_refused(
        "limits.timeout_ms_max = 9000",
        &[],
        Flags::default(),
        "limits.timeout_ms_default = 10000 from default: it is longer than limits.timeout_ms_max, which is 9000",
    );
}

#[test]
fn a_document_is_written_to_one_shard() {
    check_refused(
        "[polling]\n\"/index\" = \"ALL\"",
        &[],
        Flags::default(),
        "polling./index = \"ALL\" from file F: it can only be ANY: every shard would hold a copy of each document",
    );
    assert!(load("[polling]\n\"*\" = \"ANY\"\n\"/search\" = \"ANY\"", &[], Flags::default()).is_ok());
}

#[test]
fn a_public_address_is_refused_unless_said_to_be_insecure() {
    let message = load("", &[], listen("0.0.0.0:7700")).unwrap_err();
    let start = "listen = \"0.0.0.0:7700\" from flag --listen: 0.0.0.0:7700 can be reached from other machines";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("--insecure"), "{message}");
    let insecure = Flags { insecure: true, ..listen("[::]:7700") };
    assert_eq!(load("", &[], insecure).unwrap().settings.listen.to_string(), "[::]:7700");
    let variable = [("ANNULI_INSECURE", "true")];
    assert!(load("", &variable, listen("0.0.0.0:1")).unwrap().settings.insecure);
    assert!(load("", &[], listen("[::1]:1")).is_ok());
}

#[test]
fn a_public_address_is_taken_with_keys() {
    let keys = Flags { api_keys: Some("keys.toml".into()), ..listen("0.0.0.0:7700") };
    assert!(load("", &[], keys).is_ok());
    for variable in ["ANNULI_API_KEY_READ", "ANNULI_API_KEYS"] {
        assert!(load("", &[(variable, "sixteen-or-more-characters")], listen("0.0.0.0:7700")).is_ok(), "{variable}");
    }
    // The key of a client of another server opens nothing here.
    assert!(load("", &[("ANNULI_API_KEY", "sixteen-or-more-characters")], listen("0.0.0.0:7700")).is_err());
}

#[test]
fn a_shard_on_a_public_address_is_not_made_safe_by_keys_that_it_does_not_ask_for() {
    let of_shard = |flags: &Flags| Config::load_with(flags, Callers::Cluster, []).map_err(|error| error.to_string());
    let flags = Flags { api_keys: Some("keys.toml".into()), ..listen("0.0.0.0:7710") };
    let message = of_shard(&flags).unwrap_err();
    assert!(message.contains("say to each other is not encrypted"), "{message}");
    assert!(of_shard(&Flags { insecure: true, ..flags }).is_ok());
    assert!(of_shard(&listen("127.0.0.1:7710")).is_ok());
}

#[test]
fn a_log_filter_that_cannot_be_read_is_refused() {
    let message = load("log = \"info,annuli=loud\"", &[], Flags::default()).unwrap_err();
    assert!(message.starts_with("log = \"info,annuli=loud\" from file F: it is no filter of the log: "), "{message}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named() {
    let flags = Flags { config: Some(PathBuf::from("nowhere.toml")), ..Flags::default() };
    let message = load("", &[], flags).unwrap_err();
    assert!(message.starts_with("configuration file nowhere.toml cannot be read: "), "{message}");
    let message = load("listen = \nshards = 1", &[], Flags::default()).unwrap_err();
    assert!(
        message.starts_with("configuration file F is not TOML: TOML parse error at line 1, column 10"),
        "{message}"
    );
}

#[test]
fn a_variable_is_read_as_its_setting_is_typed() {
    let environment = [
        ("ANNULI_WORKSPACE", "2026"),
        ("ANNULI_DUMPS", "7"),
        ("ANNULI_LOG", "debug"),
        ("ANNULI_QDRANT_PORT", "6333"),
        ("ANNULI_JINA_METRIC", "inner_product"),
        ("ANNULI_SEARCH_THREADS", "3"),
        ("ANNULI_DURABILITY", "os"),
        ("ANNULI_LOG_FORMAT", "json"),
        ("ANNULI_POLLING", r#"{"/search": "ANY"}"#),
    ];
    let settings = load("", &environment, Flags::default()).unwrap().settings;
    assert_eq!(settings.workspace, PathBuf::from("2026"));
    assert_eq!(settings.dump_place(), DumpPlace::Folder("7".into()));
    assert_eq!(settings.log, "debug");
    assert_eq!((settings.qdrant_port, settings.jina_metric), (Some(6333), MetricSetting::InnerProduct));
    assert_eq!(Some(settings.search_threads), NonZeroUsize::new(3));
    assert_eq!((settings.durability, settings.log_format), (Durability::Os, LogFormat::Json));
    assert_eq!(settings.polling.of(Endpoint::Search), PollingRule::Any);
    assert_eq!(settings.polling.of(Endpoint::Index), PollingRule::Any);
    assert_eq!(settings.polling.of(Endpoint::Count), PollingRule::All);
}

#[test]
fn a_port_is_a_number_wherever_it_is_said() {
    let port =
        |file, environment: &[_], flags| load(file, environment, flags).map(|config| config.settings.qdrant_port);
    assert_eq!(port("qdrant_port = 6333", &[], Flags::default()), Ok(Some(6333)));
    assert_eq!(port("", &[], Flags { qdrant_port: Some(6334), ..Flags::default() }), Ok(Some(6334)));
    for (name, value) in [("ANNULI_QDRANT_PORT", "65536"), ("ANNULI_QDRANT_PORT", "tcp://10.0.0.1:6333")] {
        let message = port("", &[(name, value)], Flags::default()).unwrap_err();
        assert!(
            message.starts_with(&format!("qdrant_port = \"{value}\" from environment variable {name}: ")),
            "{message}"
        );
        assert!(message.ends_with("expected a port: a number from 0 to 65535"), "{message}");
    }
}

#[test]
fn a_variable_for_one_limit_wins_over_one_for_all() {
    let environment = [("ANNULI_LIMITS__K_MAX", "1"), ("ANNULI_LIMITS", r#"{"k_max": 2, "ef_max": 2}"#)];
    let limits = load("", &environment, Flags::default()).unwrap().settings.limits;
    assert_eq!((limits.k_max, limits.ef_max), (1, 2));
}

#[test]
fn a_variable_that_is_not_text_is_named() {
    use std::os::unix::ffi::OsStringExt;
    let variable = ("ANNULI_WORKSPACE".into(), OsString::from_vec(vec![0xff]));
    let error = Config::load_with(&Flags::default(), Callers::Clients, [variable]).unwrap_err();
    assert_eq!(error.to_string(), "environment variable ANNULI_WORKSPACE is not text in UTF-8");
}

#[test]
fn a_place_of_dumps_is_checked_and_its_credentials_are_not_repeated() {
    let scheme = "dumps = \"gs://x\" from file F: `gs://` is no place of dumps: they are kept in a folder, file:///path or \
                  s3://bucket/prefix";
    check_refused("dumps = \"gs://x\"", &[], Flags::default(), scheme);
    let credentials = "leave out what stands before the `@`, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    let place = format!(
        "dumps = \"s3://…@dumps\" from environment variable ANNULI_DUMPS: a place in a bucket holds no credentials: {credentials}"
    );
    check_refused("", &[("ANNULI_DUMPS", "s3://key:secret@dumps")], Flags::default(), &place);
    let endpoint = format!(
        "dumps_endpoint = \"https://…@s3.example\" from flag --dumps-endpoint: the endpoint of dumps holds no credentials: {credentials}"
    );
    let flags = Flags { dumps_endpoint: Some("https://key:secret@s3.example".to_owned()), ..Flags::default() };
    check_refused("", &[], flags, &endpoint);
}

/// The file of fixed hosts says where a process is reached: in a container it listens elsewhere.
#[test]
fn everybody_may_contradict_the_place_below() {
    let said = Flags { dumps: Some("s3://bucket/prefix".to_owned()), ..listen("10.0.0.1:7710") };
    let config = |environment: &[(&str, &str)]| {
        let environment = environment.iter().map(|(name, value)| (name.into(), value.into()));
        let below = Some(("file cluster.toml", &said));
        Config::of(below, &Flags { insecure: true, ..Flags::default() }, Callers::Cluster, environment).unwrap()
    };
    let alone = config(&[]);
    assert_eq!(alone.settings.listen.to_string(), "10.0.0.1:7710");
    assert_eq!(alone.source("dumps"), "file cluster.toml");
    let contained = config(&[("ANNULI_LISTEN", "0.0.0.0:7710")]);
    assert_eq!(contained.settings.listen.to_string(), "0.0.0.0:7710");
    assert_eq!(contained.source("listen"), "environment variable ANNULI_LISTEN");
    assert_eq!(contained.source("dumps"), "file cluster.toml");
}

#[test]
fn a_collector_is_also_found_where_other_programs_find_it_and_is_taken_back_by_nothing() {
    let traces = |file, environment: &[_], flags| {
        let config = load(file, environment, flags)?;
        let url = config.settings.traces.as_ref().map(Collector::url_of_spans);
        Ok::<_, String>((url, config.source("traces")))
    };
    let otel = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318");
    let spans = |host: &str| Some(format!("http://{host}:4318/v1/traces"));
    let default = Flags::default;
    assert_eq!(traces("", &[], default()), Ok((None, "default".to_owned())));
    assert_eq!(traces("", &[(otel.0, "")], default()), Ok((None, "default".to_owned())));
    assert_eq!(traces("", &[otel], default()), Ok((spans("otel"), format!("environment variable {}", otel.0))));
    let ours = ("ANNULI_TRACES", "http://ours:4318");
    assert_eq!(traces("", &[otel, ours], default()).unwrap().0, spans("ours"));
    let flag = Flags { traces: Some("http://flag:4318".to_owned()), ..default() };
    assert_eq!(traces("", &[otel, ours], flag).unwrap().0, spans("flag"));
    assert_eq!(traces("", &[otel, (ours.0, "")], default()).unwrap().0, None);
    let message = "traces = \"http://…@otel:4318\" from file F: a collector's URL holds no credentials";
    assert!(traces("traces = \"http://user:secret@otel:4318\"", &[], default()).unwrap_err().starts_with(message));
}

/// It says the same to all programs, and a file is for us alone.
#[test]
fn what_is_said_to_all_programs_of_traces_gives_way_to_the_file() {
    let otel = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4318");
    let traces = |file: &str, environment: &[_]| {
        let config = load(file, environment, Flags::default()).unwrap();
        config.settings.traces.as_ref().map(Collector::url_of_spans)
    };
    let file = "traces = \"http://file:4318\"";
    assert_eq!(traces(file, &[otel]).as_deref(), Some("http://file:4318/v1/traces"));
    assert_eq!(traces("traces = \"\"", &[otel]), None);
    for off in [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "none"), ("OTEL_TRACES_EXPORTER", "console")] {
        assert_eq!(traces("", &[otel, off]), None, "{off:?}");
        assert_eq!(traces(file, &[otel, off]).as_deref(), Some("http://file:4318/v1/traces"), "{off:?}");
    }
    for on in [("OTEL_SDK_DISABLED", "false"), ("OTEL_TRACES_EXPORTER", "console, otlp"), ("OTEL_TRACES_EXPORTER", "")]
    {
        assert_eq!(traces("", &[otel, on]).as_deref(), Some("http://otel:4318/v1/traces"), "{on:?}");
    }
}

/// Others send by gRPC, or with a password. It was the end of every server beside them.
#[test]
fn a_collector_that_is_meant_for_others_is_warned_about() {
    let unusable = |file: &str, value, others: &[(&str, &str)]| {
        let environment = [&[("OTEL_EXPORTER_OTLP_ENDPOINT", value)], others].concat();
        let config = load(file, &environment, Flags::default()).unwrap();
        assert_eq!(config.settings.traces.is_some(), !file.is_empty() || value == "http://otel:4318");
        config.unusable_collector
    };
    assert_eq!(unusable("", "otel:4317", &[]), Some(InvalidCollector::Malformed));
    assert_eq!(unusable("", "http://user:secret@otel:4318", &[]), Some(InvalidCollector::Credentials));
    assert_eq!(unusable("", "http://otel:4318", &[]), None);
    // It is said otherwise, or not to be.
    assert_eq!(unusable("traces = \"http://ours:4318\"", "otel:4317", &[]), None);
    assert_eq!(unusable("", "otel:4317", &[("ANNULI_TRACES", "")]), None);
    assert_eq!(unusable("", "otel:4317", &[("OTEL_SDK_DISABLED", "true")]), None);
}

#[test]
fn a_share_of_requests_goes_from_none_to_all() {
    fn share(file: &str, environment: &[(&str, &str)], flags: Flags) -> Result<Share, String> {
        Ok(load(file, environment, flags)?.settings.traces_sample)
    }
    assert_eq!(share("", &[], Flags::default()), Ok(Share::HUNDREDTH));
    for (text, want) in [("0", 0.0), ("1", 1.0), ("0.25", 0.25)] {
        let want = Ok(Share::try_from(want).unwrap());
        assert_eq!(share(&format!("traces_sample = {text}"), &[], Flags::default()), want);
        assert_eq!(share("", &[("ANNULI_TRACES_SAMPLE", text)], Flags::default()), want);
    }
    let message = "traces_sample = 1.5 from file F: a share goes from 0 to 1";
    check_refused("traces_sample = 1.5", &[], Flags::default(), message);
    let flags = Flags { traces_sample: Some(-0.5), ..Flags::default() };
    check_refused("", &[], flags, "traces_sample = -0.5 from flag --traces-sample: a share goes from 0 to 1");
}

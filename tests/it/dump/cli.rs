//! The program's command line, as a person or a script calls it.

use annuli_tests::program::program;
use serde_json::Value;
use std::env;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Called {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Calls `annuli`.
pub(crate) fn annuli(arguments: &[&str]) -> Called {
    annuli_with(arguments, &[])
}

/// Calls `annuli` in that environment.
pub(crate) fn annuli_with(arguments: &[&str], variables: &[(String, String)]) -> Called {
    called(command(arguments).envs(variables.iter().cloned()))
}

/// Calls `annuli` by a command that becomes the command behind it.
pub(crate) fn annuli_by(wrapper: &[String], arguments: &[&str]) -> Called {
    let (first, others) = wrapper.split_first().expect("a command");
    called(clean(Command::new(first)).args(others).arg(program()).args(arguments))
}

fn called(command: &mut Command) -> Called {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).expect("annuli prints text");
    Called { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Starts `annuli`, and does not wait for its end.
pub(crate) fn start(arguments: &[&str]) -> Child {
    command(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = clean(Command::new(program()));
    command.args(arguments);
    command
}

fn clean(mut command: Command) -> Command {
    // What the developer has set for a server of their own is not meant for this.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ANNULI_")) {
        command.env_remove(name);
    }
    command
}

/// A workspace and the dumps that it keeps.
pub(crate) struct Dumps<'a>(pub(crate) &'a Path);

impl Dumps<'_> {
    /// `annuli dump VERB … --workspace W --output json`
    pub(crate) fn call(&self, verb: &str, arguments: &[&str]) -> Called {
        let workspace = text(self.0);
        annuli(&[&["dump", verb], arguments, &["--workspace", workspace, "--output", "json"]].concat())
    }

    /// `annuli dump restore …`: one of these dumps, as an index of that workspace, on that many shards.
    pub(crate) fn restore(&self, dump: &str, into: &Path, index: &str, shards: Option<u32>) -> Called {
        let shards = shards.map(|shards| format!("--shards={shards}"));
        let store = self.0.join(".dumps");
        let mut arguments = restore_arguments(&store, dump, into, index);
        arguments.extend(shards.as_deref());
        annuli(&arguments)
    }

    /// The same, without waiting for its end.
    pub(crate) fn start_restore(&self, dump: &str, into: &Path, index: &str) -> Child {
        start(&restore_arguments(&self.0.join(".dumps"), dump, into, index))
    }
}

fn restore_arguments<'a>(store: &'a Path, dump: &'a str, into: &'a Path, index: &'a str) -> Vec<&'a str> {
    let [store, into] = [store, into].map(text);
    vec!["dump", "restore", dump, "--store", store, "--workspace", into, "--index", index, "--output", "json"]
}

impl Called {
    /// What a success has printed.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// The JSON that a success has printed.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        let text = self.text();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Asserts a failure that says this, and prints nothing else.
    #[track_caller]
    pub(crate) fn refused(&self, says: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.stderr.contains(says), "the error does not say {says:?}: {self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of these tests is text")
}

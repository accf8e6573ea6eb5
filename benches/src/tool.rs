//! Programs of the system that do a part of the work: apt-get, ar, tar, gzip, sha256sum, kill.

use std::process::{Command, Stdio};

/// A program that could not be started, or did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` failed: {outcome}")]
pub(crate) struct ToolFailed {
    pub command: String,
    pub outcome: String,
}

/// Runs `command` to its end and returns what it wrote on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>, ToolFailed> {
    let line = [command.get_program()].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy());
    let line = line.collect::<Vec<_>>().join(" ");
    let failed = |outcome: String| ToolFailed { command: line.clone(), outcome };
    let output = command.stderr(Stdio::piped()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(format!("{}: {}", output.status, said.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_what_the_program_wrote() {
        assert_eq!(output(Command::new("echo").arg("a b")), Ok(b"a b\n".to_vec()));
    }

    #[test]
    fn a_failure_names_the_command_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo oh >&2; exit 3"])).unwrap_err();
        assert_eq!(error.to_string(), "`sh -c echo oh >&2; exit 3` failed: exit status: 3: oh");
        let error = output(&mut Command::new("no-such-program")).unwrap_err();
        assert!(error.to_string().starts_with("`no-such-program` failed: "), "{error}");
    }
}

//! Ends the servers that a benchmark has started, also where the benchmark is killed and no destructor runs.

use std::io;
use std::process::{Child, Command, Stdio};

/// A shell that waits for the end of this process, and kills a group of others then.
#[derive(Debug)]
pub(crate) struct Watchdog {
    child: Child,
}

impl Watchdog {
    /// Watches over the processes of the group whose leader is `leader`.
    pub(crate) fn over(leader: u32) -> io::Result<Self> {
        let mut command = Command::new("sh");
        // Nobody writes to the pipe: reading ends when the last that holds its other end, this process, has gone.
        command.args(["-c", "read -r line; kill -KILL \"-$0\"", &leader.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { child: in_group_of_its_own(&mut command).spawn()? })
    }
}

/// Keys that interrupt the benchmark do not reach this command: it is stopped by whoever started it.
pub(crate) fn in_group_of_its_own(command: &mut Command) -> &mut Command {
    std::os::unix::process::CommandExt::process_group(command, 0)
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // First the watcher, then the pipe: the group's number may soon be another's.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// Waits until it is killed or its input ends.
    fn waiting() -> Child {
        let mut command = Command::new("cat");
        in_group_of_its_own(command.stdin(Stdio::piped()).stdout(Stdio::null())).spawn().unwrap()
    }

    #[test]
    fn who_is_watched_over_is_killed_when_the_watching_process_is_gone() {
        let mut watched = waiting();
        let mut watchdog = Watchdog::over(watched.id()).unwrap();
        let input = watched.stdin.take();
        // What the end of this process would do.
        drop(watchdog.child.stdin.take());
        assert_eq!(watched.wait().unwrap().signal(), Some(9));
        drop(input);
    }

    #[test]
    fn who_is_not_watched_over_any_more_lives_on() {
        let mut watched = waiting();
        drop(Watchdog::over(watched.id()).unwrap());
        drop(watched.stdin.take());
        assert_eq!(watched.wait().unwrap().code(), Some(0));
    }
}

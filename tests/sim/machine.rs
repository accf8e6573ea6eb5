//! A process: a runtime of its own, whose clock goes on only when it is let. So it can be stopped like a process that was
//! frozen, and everything that it had begun goes with it when it is killed.

use std::future::Future;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{advance, sleep};

/// A process that may be running.
#[derive(Default)]
pub(crate) struct Machine {
    runtime: Option<Runtime>,
    /// It makes no step, for so many milliseconds by now.
    frozen_for: Option<u64>,
}

impl Machine {
    pub(crate) fn is_running(&self) -> bool {
        self.runtime.is_some()
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen_for.is_some()
    }

    /// Starts it, unless it runs.
    pub(crate) fn start(&mut self, main: impl Future<Output = ()> + Send + 'static) {
        if self.is_running() {
            return;
        }
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without a thread needs nothing");
        runtime.spawn(main);
        (self.runtime, self.frozen_for) = (Some(runtime), None);
    }

    /// Begins something else in it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(task);
        }
    }

    /// Ends it between two of its steps.
    pub(crate) fn kill(&mut self) {
        (self.runtime, self.frozen_for) = (None, None);
    }

    /// Lets so much time go by.
    pub(crate) fn go_on(&mut self, ms: u64) {
        match (&self.runtime, &mut self.frozen_for) {
            (Some(runtime), None) => runtime.block_on(async move { sleep(Duration::from_millis(ms)).await }),
            (_, Some(frozen_for)) => *frozen_for += ms,
            (None, None) => {}
        }
    }

    pub(crate) fn freeze(&mut self) {
        if self.is_running() {
            self.frozen_for.get_or_insert(0);
        }
    }

    /// Lets it go on: to it, all that time goes by at once.
    pub(crate) fn thaw(&mut self) {
        if let Some(ms) = self.frozen_for.take() {
            self.jump(ms);
        }
    }

    /// Puts its clock forward.
    pub(crate) fn jump(&mut self, ms: u64) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async move { advance(Duration::from_millis(ms)).await });
        }
    }
}

//! Threads that let others go first.

/// How far such a thread steps back, as `nice` counts it: beside one that does not, it has a tenth of a processor's time.
/// Alone it has all of it.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Lets the calling thread, and those that it will start, do their work in the time that others leave: what nobody waits
/// for within milliseconds, on a machine that answers searches.
///
/// A thread cannot come forward again without privileges, so it is for threads that do nothing else. Where threads have
/// no niceness of their own, which only Linux gives them, nothing happens.
pub(crate) fn step_back() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
        // It works as before, only not as considerately.
        tracing::debug!(%error, "a thread of the background has the priority of the others");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use rustix::process::getpriority_process;
    use std::thread;

    #[test]
    fn who_steps_back_does_so_alone() {
        let before = getpriority_process(None).unwrap();
        let after = thread::spawn(|| {
            step_back();
            getpriority_process(None).unwrap()
        });
        assert_eq!(after.join().unwrap(), before.max(NICENESS));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}

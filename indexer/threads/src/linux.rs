//! What Linux is told of a thread.
#![allow(unsafe_code, reason = "no crate has the call that sets the slice of an ordinary thread")]

use rustix::process::{getpriority_process, setpriority_process};
use std::io;
use std::mem::zeroed;

/// The shortest slice that there is, in nanoseconds.
pub(super) const SLICE: u64 = 100_000;

/// As `nice` counts it.
pub(super) const NICENESS: i32 = 10;

/// Sets the niceness of the calling thread, unless it is nicer already.
pub(super) fn be_nice(niceness: i32) -> io::Result<()> {
    Ok(setpriority_process(None, niceness.max(getpriority_process(None)?))?)
}

/// What the kernel is told, in bytes: the first form of it, which all kernels know.
const TOLD_BYTES: u32 = 48;
const _: () = assert!(size_of::<libc::sched_attr>() == TOLD_BYTES as usize);

/// What the kernel calls an ordinary thread (`SCHED_OTHER`).
const ORDINARY: u32 = 0;

/// Sets the slices of the calling thread, in nanoseconds, if it is an ordinary one. Who starts the service as a real-time or
/// a batch one means all of its threads.
pub(super) fn ask_for_slices(slice: u64) -> io::Result<()> {
    let found = attributes()?;
    if found.sched_policy != ORDINARY {
        return Ok(());
    }
    // Of an ordinary thread it is the slice, since 6.12.
    set(&libc::sched_attr { sched_runtime: slice, ..found })
}

const CALLING_THREAD: libc::pid_t = 0;
const NO_FLAGS: libc::c_uint = 0;

/// How the calling thread is scheduled.
fn attributes() -> io::Result<libc::sched_attr> {
    // SAFETY: it is made of integers.
    let mut found: libc::sched_attr = unsafe { zeroed() };
    // SAFETY: the kernel writes so many bytes at most, which `found` has.
    let told = unsafe { libc::syscall(libc::SYS_sched_getattr, CALLING_THREAD, &raw mut found, TOLD_BYTES, NO_FLAGS) };
    if told == 0 { Ok(found) } else { Err(io::Error::last_os_error()) }
}

/// Has the calling thread scheduled so.
fn set(wanted: &libc::sched_attr) -> io::Result<()> {
    let wanted = libc::sched_attr { size: TOLD_BYTES, ..*wanted };
    // SAFETY: the kernel reads `size` bytes of `wanted`, which lives until it has, and writes none.
    let told = unsafe { libc::syscall(libc::SYS_sched_setattr, CALLING_THREAD, &raw const wanted, NO_FLAGS) };
    if told == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Urgency;
    use std::thread;

    /// What the kernel says of the calling thread: its slice, zero before 6.12, and its niceness.
    fn told() -> (u64, i32) {
        let found = attributes().unwrap();
        (found.sched_runtime, found.sched_nice)
    }

    /// On a thread of its own: the one of the test stays as it is.
    fn of_a_thread<T: Send + 'static>(work: fn() -> T) -> T {
        thread::spawn(work).join().unwrap()
    }

    #[test]
    fn prompt_threads_have_short_slices_and_are_as_nice_as_before() {
        let (slices, nice) = told();
        let prompt = of_a_thread(|| {
            Urgency::Prompt.take();
            told()
        });
        let expected = if slices == 0 { slices } else { SLICE };
        assert_eq!(prompt, (expected, nice));
        assert_eq!(told(), (slices, nice), "others are as they were");
    }

    #[test]
    fn who_goes_into_the_background_goes_alone() {
        let (_, nice) = told();
        let back = of_a_thread(|| {
            Urgency::Background.take();
            told()
        });
        assert_eq!(back.1, NICENESS.max(nice));
        assert_eq!(told().1, nice);
    }

    #[test]
    fn short_slices_bring_nobody_forward() {
        let (_, nice) = of_a_thread(|| {
            Urgency::Background.take();
            Urgency::Prompt.take();
            told()
        });
        assert_eq!(nice, NICENESS.max(told().1));
    }

    /// It became ordinary, beside builders that stayed as their operator had started the service.
    #[test]
    fn who_was_started_as_something_else_stays_so() {
        const BATCH: u32 = 3;
        let policy = of_a_thread(|| {
            set(&libc::sched_attr { sched_policy: BATCH, sched_runtime: 0, ..attributes().unwrap() }).unwrap();
            Urgency::Prompt.take();
            attributes().unwrap().sched_policy
        });
        assert_eq!(policy, BATCH);
    }
}

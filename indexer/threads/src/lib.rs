//! Which threads a processor is for first, where there are more of them than processors.
//!
//! A search takes a tenth of a millisecond. On a processor that packs a dump, or builds the graph of a generation, it waits
//! for the end of the other's slice, some three milliseconds; and again wherever it goes from thread to thread. So threads
//! say, when they start, how closely they are waited for.
//!
//! What the kernel does not grant is left as it is: threads then work as they would without, only less considerately. Only
//! Linux knows the niceness and the slices of single threads; elsewhere nothing happens.

#[cfg(target_os = "linux")]
mod linux;

/// How closely a thread is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Within milliseconds: it answers, or hands on what does. It asks for short slices, and the kernel lets a thread of
    /// shorter slices break into the longer one of another (Linux from 6.12 on; earlier ones hear it and do nothing). Its
    /// share of the processors is no larger by that.
    Prompt,
    /// As all threads are.
    Ordinary,
    /// Not at all: it takes seconds, in the time that others leave. Beside a thread of another urgency it has a tenth of a
    /// processor, alone it has all of it.
    Background,
}

impl Urgency {
    /// Tells the kernel so of the calling thread, and of those that it starts afterwards.
    ///
    /// It is said once, at a thread's start: without privileges no thread comes forward again from the background.
    pub fn take(self) {
        #[cfg(target_os = "linux")]
        if let Err(error) = self.tell() {
            tracing::debug!(%error, urgency = ?self, "a thread is as urgent as all others");
        }
    }

    #[cfg(target_os = "linux")]
    fn tell(self) -> std::io::Result<()> {
        match self {
            Self::Prompt => linux::ask_for_slices(linux::SLICE),
            Self::Ordinary => Ok(()),
            Self::Background => linux::be_nice(linux::NICENESS),
        }
    }
}

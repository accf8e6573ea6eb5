//! Connections that never get anywhere: each sends its request a byte a second, and comes again when it is answered
//! before its end, or cut off.

use crate::clock::{Stopwatch, pause};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Between two bytes of one of them.
const PACE: Duration = Duration::from_secs(1);

/// One in so many sends its head at once, and only its body slowly. It takes a place among requests, as whoever sends a
/// body does.
const ONE_IN: usize = 4;

/// Its members, driven by one thread.
#[derive(Debug)]
pub(super) struct Crowd {
    done: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

/// What all of them want to say, and to whom.
struct Errand {
    address: String,
    request: Vec<u8>,
}

/// One connection.
struct Member {
    stream: TcpStream,
    /// Bytes of the request.
    sent: usize,
}

/// Lets this process, and those that it starts from now on, have so many connections.
pub(super) fn allow_connections(count: usize) -> io::Result<()> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Beside what a server has open anyway.
    let wanted = 2 * count as u64;
    if current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })?;
    }
    Ok(())
}

impl Crowd {
    /// Connects so many, who send `request` from now on.
    pub(super) fn gather(size: usize, address: &str, request: &[u8]) -> io::Result<Self> {
        let errand = Errand { address: address.to_owned(), request: request.to_vec() };
        let members = (0..size).map(|number| errand.begin(number)).collect::<io::Result<Vec<_>>>()?;
        let done = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let done = Arc::clone(&done);
            move || errand.run(members, &done)
        });
        Ok(Self { done, thread })
    }

    /// Ends them; returns how many were cut off, each as often as it was.
    pub(super) fn disperse(self) -> u64 {
        self.done.store(true, Ordering::Relaxed);
        self.thread.join().expect("a panic of the crowd is a panic of all")
    }
}

impl Errand {
    fn begin(&self, number: usize) -> io::Result<Member> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        let head = self.request.windows(4).position(|bytes| bytes == b"\r\n\r\n").map_or(0, |end| end + 4);
        let sent = if number.is_multiple_of(ONE_IN) { head } else { 0 };
        stream.write_all(&self.request[..sent])?;
        stream.set_nonblocking(true)?;
        Ok(Member { stream, sent })
    }

    /// Gives each its turn, one after the other, evenly spread over time.
    fn run(&self, mut members: Vec<Member>, done: &AtomicBool) -> u64 {
        let (watch, mut cut_off) = (Stopwatch::start(), 0);
        let size = members.len();
        for turn in 0.. {
            if done.load(Ordering::Relaxed) {
                break;
            }
            let number = turn % size;
            if members[number].send_a_byte(&self.request).is_err() {
                cut_off += 1;
                // Who is not let in comes again in its next turn.
                if let Ok(member) = self.begin(number) {
                    members[number] = member;
                }
            }
            pause(PACE.mul_f64((turn + 1) as f64 / size as f64).saturating_sub(watch.elapsed()));
        }
        cut_off
    }
}

impl Member {
    /// Fails where the server has said or closed anything, which it does when it waits no longer.
    fn send_a_byte(&mut self, request: &[u8]) -> io::Result<()> {
        match self.stream.peek(&mut [0]) {
            Err(nothing) if nothing.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
        let byte = request[self.sent % request.len()];
        self.stream.write_all(&[byte])?;
        self.sent += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    const REQUEST: &[u8] = b"POST / HTTP/1.1\r\n\r\n{}";

    #[test]
    fn members_send_slowly_and_come_again_when_they_are_cut_off() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let crowd = Crowd::gather(ONE_IN, &listener.local_addr().unwrap().to_string(), REQUEST).unwrap();
        let mut members: Vec<_> = (0..ONE_IN).map(|_| listener.accept().unwrap().0).collect();
        let read = |member: &mut TcpStream, bytes: usize| {
            let mut read = vec![0; bytes];
            member.read_exact(&mut read).unwrap();
            read
        };
        assert_eq!(read(&mut members[0], REQUEST.len() - 1), REQUEST[..REQUEST.len() - 1], "its head, and a byte");
        assert_eq!(read(&mut members[1], 2), b"PO");
        members.clear();
        let mut again = listener.accept().unwrap().0;
        assert_eq!(read(&mut again, 1), b"P");
        assert!(crowd.disperse() >= 1);
    }
}

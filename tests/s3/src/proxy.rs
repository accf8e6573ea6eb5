//! A network that fails: it cuts connections, and loses answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Bytes that are handed on at once.
const PORTION_BYTES: usize = 16 * 1024;

/// Hands connections on to a server, and cuts each after so many bytes.
pub struct Proxy {
    address: String,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    /// After so many bytes of one direction a connection ends; 0 for never.
    cut_after: AtomicU64,
    cuts: AtomicU64,
    /// The method of the next request whose answer is lost.
    lose: Mutex<Option<&'static str>>,
    from_server: AtomicU64,
}

impl Proxy {
    /// In front of the server at that address; it cuts nothing yet.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (told, server) = (Arc::new(Told::default()), server.to_owned());
        let telling = Arc::clone(&told);
        // It ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let (to_server, to_client) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (up, down) = (Arc::clone(&telling), Arc::clone(&telling));
                let lost = Arc::new(AtomicBool::new(false));
                let losing = Arc::clone(&lost);
                thread::spawn(move || hand_on(to_server, server, &up, &Direction::ToServer { losing: &losing }));
                thread::spawn(move || hand_on(to_client, client, &down, &Direction::ToClient { lost: &lost }));
            }
        });
        Self { address, told }
    }

    /// Where it listens: `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// From now on each connection is cut after so many bytes of one direction; 0 for never.
    pub fn cut_after(&self, bytes: u64) {
        self.told.cut_after.store(bytes, Ordering::SeqCst);
    }

    /// The next request of that method is handed on, and its answer is not.
    pub fn lose_answer_to(&self, method: &'static str) {
        *self.told.lose.lock().unwrap() = Some(method);
    }

    /// How many connections have been cut.
    pub fn cuts(&self) -> u64 {
        self.told.cuts.load(Ordering::SeqCst)
    }

    /// How many bytes of the server have been handed on.
    pub fn bytes_from_server(&self) -> u64 {
        self.told.from_server.load(Ordering::SeqCst)
    }
}

/// Which way, and whether this connection's answer is to be lost.
enum Direction<'a> {
    ToServer { losing: &'a AtomicBool },
    ToClient { lost: &'a AtomicBool },
}

/// Until one side ends or the connection is cut.
fn hand_on(mut from: TcpStream, mut to: TcpStream, told: &Told, direction: &Direction<'_>) {
    let _ = copy(&mut from, &mut to, told, direction);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn copy(from: &mut TcpStream, to: &mut TcpStream, told: &Told, direction: &Direction<'_>) -> io::Result<()> {
    let mut portion = [0; PORTION_BYTES];
    let mut copied = 0;
    loop {
        let read = from.read(&mut portion)?;
        if read == 0 {
            return Ok(());
        }
        match direction {
            Direction::ToServer { losing } => {
                let is_next = |method: &mut &str| portion.starts_with(format!("{method} ").as_bytes());
                if told.lose.lock().unwrap().take_if(is_next).is_some() {
                    losing.store(true, Ordering::SeqCst);
                }
            }
            Direction::ToClient { lost } if lost.load(Ordering::SeqCst) => {
                told.cuts.fetch_add(1, Ordering::SeqCst);
                return Ok(());
            }
            Direction::ToClient { .. } => {}
        }
        let left = match told.cut_after.load(Ordering::SeqCst) {
            0 => read,
            limit => usize::try_from(limit.saturating_sub(copied)).unwrap().min(read),
        };
        to.write_all(&portion[..left])?;
        copied += left as u64;
        if matches!(direction, Direction::ToClient { .. }) {
            told.from_server.fetch_add(left as u64, Ordering::SeqCst);
        }
        if left < read {
            told.cuts.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
    }
}

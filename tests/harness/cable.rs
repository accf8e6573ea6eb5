//! A cable between processes, which a test can pull out.
//!
//! It is a port that leads to another. While it is cut, no byte goes through, and nobody is told: connections stay open
//! and new ones are taken, as it is when packets are lost on the way. When it is mended, everything goes on.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// Bytes that are carried at once.
const CARRIED: usize = 16 * 1024;

/// A cable. It is whole until it is cut.
pub struct Cable {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Default)]
struct Now {
    target: Option<SocketAddr>,
    is_cut: bool,
}

impl Cable {
    /// A cable that leads nowhere yet: whoever comes waits.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::<State>::default());
        let carrying = Arc::clone(&state);
        // It ends with the test's process, like those that it carries.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // What is carried is not held back to be sent with more.
                let _ = stream.set_nodelay(true);
                let state = Arc::clone(&carrying);
                thread::spawn(move || state.connect(&stream));
            }
        });
        Self { address, state }
    }

    /// Where it begins: `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Leads it to that address.
    pub fn lead_to(&self, target: &str) {
        self.state.change(|now| now.target = Some(target.parse().unwrap()));
    }

    /// Lets nothing through.
    pub fn cut(&self) {
        self.state.change(|now| now.is_cut = true);
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        self.state.change(|now| now.is_cut = false);
    }
}

impl Default for Cable {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn change(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.lock().unwrap());
        self.changed.notify_all();
    }

    /// Waits until it is whole, and returns where it leads.
    fn whole(&self) -> SocketAddr {
        let now = self.changed.wait_while(self.now.lock().unwrap(), |now| now.is_cut || now.target.is_none()).unwrap();
        now.target.unwrap()
    }

    fn connect(self: &Arc<Self>, near: &TcpStream) {
        let Ok(far) = TcpStream::connect(self.whole()) else {
            // Nobody is there: whoever came is told as the system would.
            let _ = near.shutdown(Shutdown::Both);
            return;
        };
        let _ = far.set_nodelay(true);
        let (back_from, back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let back = Arc::clone(self);
        thread::spawn(move || back.carry(&back_from, &back_to));
        self.carry(near, &far);
    }

    /// Carries bytes until one side has ended.
    fn carry(&self, mut from: &TcpStream, mut to: &TcpStream) {
        let mut carried = [0; CARRIED];
        loop {
            let read = from.read(&mut carried).unwrap_or(0);
            self.whole();
            if read == 0 || to.write_all(&carried[..read]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    }
}

//! Hosts of a test's own, on one machine, between any two of which packets can be lost.
//!
//! A host is a network namespace with a cable to a switch. What is lost is not refused: nobody hears of it, connections
//! stay open, and what was sent is sent again by the system, less and less often, as between real machines.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::process::{self, Command};
use std::sync::atomic::{AtomicU8, Ordering};

/// An address of a network card that nobody has: what is sent there is lost.
const NOBODY: &str = "02:00:00:00:00:01";

/// Networks of one test process: each has sixteen addresses.
const NETWORKS_MAX: u8 = 16;

/// Hosts of a network, beside this one.
const HOSTS_MAX: u8 = 13;

static NETWORKS: AtomicU8 = AtomicU8::new(0);

/// Hosts that reach each other. They are gone when this is dropped.
pub struct Network {
    number: u8,
    hosts: AtomicU8,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// `None`: the one that the test is on.
    namespace: Option<String>,
    card: String,
    address: Ipv4Addr,
}

impl Network {
    /// A network with nobody in it but this host, or why this machine does not let us have one.
    ///
    /// # Errors
    /// When there is no `ip`, or we are not root.
    pub fn new() -> Result<Self, String> {
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        assert!(number < NETWORKS_MAX, "a test process has {NETWORKS_MAX} networks at most");
        let network = Self { number, hosts: AtomicU8::new(0) };
        // Whoever had this process's number before may have been killed.
        network.remove();
        let (switch, here) = (network.switch(), network.address(0));
        ip(&format!("link add {switch} type bridge"))?;
        ip(&format!("address add {here}/28 dev {switch}"))?;
        ip(&format!("link set {switch} up"))?;
        network.host().map(|_| network)
    }

    /// The host that the test is on, with all processes that are started on no other.
    pub fn here(&self) -> Host {
        Host { namespace: None, card: self.switch(), address: self.address(0) }
    }

    /// Another host.
    ///
    /// # Errors
    /// What the system says that lets us have none.
    pub fn host(&self) -> Result<Host, String> {
        let number = self.hosts.fetch_add(1, Ordering::Relaxed) + 1;
        assert!(number <= HOSTS_MAX, "a network has {HOSTS_MAX} hosts at most");
        let (namespace, address, switch) = (self.namespace(number), self.address(number), self.switch());
        let plug = format!("{switch}p{number}");
        ip(&format!("netns add {namespace}"))?;
        ip(&format!("link add {plug} type veth peer name card netns {namespace}"))?;
        ip(&format!("link set {plug} master {switch} up"))?;
        ip(&format!("-n {namespace} address add {address}/28 dev card"))?;
        ip(&format!("-n {namespace} link set card up"))?;
        ip(&format!("-n {namespace} link set lo up"))?;
        Ok(Host { namespace: Some(namespace), card: "card".to_owned(), address })
    }

    /// Loses all packets between two hosts.
    pub fn cut(&self, one: &Host, other: &Host) {
        for (from, to) in [(one, other), (other, one)] {
            from.ip(&format!("neighbour replace {} lladdr {NOBODY} dev {} nud permanent", to.address, from.card));
        }
    }

    /// Loses none any longer.
    pub fn mend(&self, one: &Host, other: &Host) {
        for (from, to) in [(one, other), (other, one)] {
            from.ip(&format!("neighbour delete {} dev {}", to.address, from.card));
        }
    }

    /// Short, since names of cards are: of this test process and network.
    fn switch(&self) -> String {
        format!("an{:x}{}", process::id(), char::from(b'a' + self.number))
    }

    fn namespace(&self, host: u8) -> String {
        format!("{}h{host}", self.switch())
    }

    /// Of the addresses for private networks those that nobody else here is likely to use, by this process's number.
    fn address(&self, host: u8) -> Ipv4Addr {
        let [.., high, low] = process::id().to_be_bytes();
        Ipv4Addr::new(10, 128 | high, low, self.number * 16 + host + 1)
    }

    fn remove(&self) {
        for host in 1..=HOSTS_MAX {
            // A card is gone with its namespace, and its plug with it.
            let _ = ip(&format!("netns delete {}", self.namespace(host)));
        }
        let _ = ip(&format!("link delete {}", self.switch()));
    }
}

impl Host {
    /// Where it is reached.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// A command that becomes the command behind it, on this host.
    pub fn enter(&self) -> Vec<String> {
        let Some(namespace) = &self.namespace else { return Vec::new() };
        ["ip", "netns", "exec", namespace].map(str::to_owned).into()
    }

    fn ip(&self, arguments: &str) {
        let mut command = String::new();
        if let Some(namespace) = &self.namespace {
            write!(command, "-n {namespace} ").unwrap();
        }
        ip(&(command + arguments)).unwrap();
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.remove();
    }
}

fn ip(arguments: &str) -> Result<(), String> {
    let said = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| format!("ip: {error}"))?;
    if said.status.success() {
        return Ok(());
    }
    Err(format!("ip {arguments}: {}", String::from_utf8_lossy(&said.stderr).trim()))
}

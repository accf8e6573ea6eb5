//! TLS on the port: requests are answered, certificates replaced, and who is slow is not waited for.

use crate::world::{Fake, World};
use annuli_router::http::server::{End, Port, serve};
use annuli_router::http::threads::ConnectionThreads;
use annuli_router::http::tls::Tls;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate of its own issue.
struct Made {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Made {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        Self { certificate: made.cert.der().clone(), key: made.signing_key.into() }
    }

    fn config(&self) -> ServerConfig {
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap()
    }

    /// A client that believes this certificate alone.
    async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
    }
}

/// A server that shows `tls`, for as long as the test lasts.
async fn listen(tls: Arc<Tls>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = World::new(&[Fake::Finds(Vec::new())]).service();
    tokio::spawn(async move {
        let threads = ConnectionThreads::start(1).unwrap();
        let end = End { told: pending::<()>(), idle: pending::<()>(), drain: Duration::ZERO };
        serve(Port::with_tls(listener, tls), service, &threads, end).await
    });
    address
}

async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_over_tls_is_answered() {
    let made = Made::new();
    let address = listen(Tls::new(made.config())).await;
    assert_eq!(ask(&mut made.connect(address).await.unwrap()).await, "HTTP/1.1 200");
    assert!(Made::new().connect(address).await.is_err(), "another authority is not believed");
}

#[tokio::test]
async fn a_certificate_is_replaced_while_connections_go_on() {
    let (old, new) = (Made::new(), Made::new());
    let tls = Tls::new(old.config());
    let address = listen(Arc::clone(&tls)).await;
    let mut open = old.connect(address).await.unwrap();
    tls.replace(new.config());
    assert_eq!(ask(&mut new.connect(address).await.unwrap()).await, "HTTP/1.1 200");
    assert!(old.connect(address).await.is_err(), "the old certificate is still shown");
    assert_eq!(ask(&mut open).await, "HTTP/1.1 200");
}

#[tokio::test]
async fn who_says_nothing_or_nonsense_does_not_keep_others_waiting() {
    let made = Made::new();
    let address = listen(Tls::new(made.config())).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // What comes is an alert of TLS, or nothing: never an answer.
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(ask(&mut made.connect(address).await.unwrap()).await, "HTTP/1.1 200");
}

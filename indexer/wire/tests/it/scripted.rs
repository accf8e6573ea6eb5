//! A peer that does as a test says, byte by byte.

use super::answers::bytes_of_status;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the peer does when it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Answers with a message.
    Answer(Vec<u8>),
    /// Answers with these bytes, head and all.
    Raw(Vec<u8>),
    /// Says nothing and closes the connection.
    Close,
}

impl Step {
    /// A status, of which every peer of these tests is shard 0.
    pub(crate) fn status() -> Self {
        Self::Answer(bytes_of_status())
    }
}

/// A peer whose connections, one after the other, follow these steps; then each closes. Its task gives the number of
/// requests that it has read on each.
pub(crate) async fn scripted(connections: Vec<Vec<Step>>) -> (SocketAddr, JoinHandle<Vec<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut requests = Vec::new();
        for steps in connections {
            let (stream, _) = listener.accept().await.unwrap();
            requests.push(follow(stream, steps).await);
        }
        requests
    });
    (address, task)
}

async fn follow(mut stream: TcpStream, steps: Vec<Step>) -> usize {
    let mut requests = 0;
    for step in steps {
        if !read_request(&mut stream).await {
            break;
        }
        requests += 1;
        match step {
            Step::Answer(message) => {
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", message.len());
                stream.write_all(&[head.as_bytes(), &message].concat()).await.unwrap();
            }
            Step::Raw(bytes) => stream.write_all(&bytes).await.unwrap(),
            Step::Close => break,
        }
    }
    requests
}

/// Reads one request; `false` when the connection ends before it does.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    loop {
        if let Some(length) = whole_length(&bytes)
            && bytes.len() >= length
        {
            assert_eq!(bytes.len(), length, "calls are not sent on top of each other");
            return true;
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return false,
            Ok(_) => {}
        }
    }
}

/// Bytes of head and body, once the head is there.
fn whole_length(bytes: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(bytes);
    let head = &text[..text.find("\r\n\r\n")?];
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some(head.len() + 4 + length.parse::<usize>().unwrap())
}

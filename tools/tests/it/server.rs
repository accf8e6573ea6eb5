//! A server that answers as a test tells it, and remembers what it was asked.

use serde_json::{Value, json};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Method and path: `GET /v1/indexes`.
    pub(crate) call: String,
    /// The body; null if there is none.
    pub(crate) body: Value,
}

/// What to answer.
pub(crate) struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    pub(crate) fn ok(body: &Value) -> Self {
        Self { status: 200, headers: String::new(), body: body.to_string() }
    }

    pub(crate) fn refusal(status: u16, code: &str, message: &str) -> Self {
        let body = json!({"error": {"code": code, "message": message, "details": {}}});
        Self { status, headers: String::new(), body: body.to_string() }
    }

    pub(crate) fn text(status: u16, body: &str) -> Self {
        Self { status, headers: String::new(), body: body.to_owned() }
    }

    pub(crate) fn with_header(mut self, header: &str) -> Self {
        self.headers += &format!("{header}\r\n");
        self
    }
}

/// A server on a free port. Its threads end with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers each request by `answer`, which also learns how many came before it.
    pub(crate) fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (seen_by_all, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen_by_all), Arc::clone(&answer));
                // A client that goes away is the client's business.
                thread::spawn(move || serve(&stream.unwrap(), &seen, &*answer).ok());
            }
        });
        Self { url, seen }
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Method and path of every request so far.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.call).collect()
    }
}

fn serve(stream: &TcpStream, seen: &Mutex<Vec<Seen>>, answer: &dyn Fn(&Seen, usize) -> Answer) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let before = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let Answer { status, headers, body } = answer(&request, before);
        let length = body.len();
        let head = format!("HTTP/1.1 {status} As Told\r\ncontent-length: {length}\r\n{headers}\r\n");
        let mut stream = stream;
        stream.write_all(format!("{head}{body}").as_bytes())?;
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut start = String::new();
    if reader.read_line(&mut start)? == 0 {
        return Ok(None);
    }
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        match header.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => length = value.parse().unwrap(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-type") => assert_eq!(value, "application/json"),
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let call = start.trim_end().trim_end_matches(" HTTP/1.1").to_owned();
    let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    Ok(Some(Seen { call, body }))
}

/// What a server says of an index of that size.
pub(crate) fn index(name: &str, dim: u64) -> Value {
    json!({
        "name": name, "uuid": "01890a5d-ac96-774b-bcce-b302099a8057", "dim": dim, "metric": "cosine", "shards": 2,
        "hnsw": {"m": 16, "ef_construction": 200}, "quantization": "int8", "status": "ready", "documents": 7, "aliases": ["now"],
        "shard_status": [
            {
                "shard": 0, "seq": 9, "documents": 7, "pending": 5,
                "segments": {"count": 2, "documents": 4, "dead": 1, "bytes": 99}, "tail": {"documents": 3, "in_head": 0},
                "builds": [{
                    "task": "01890a5d-ac96-774b-bcce-b302099a8058", "kind": "merge", "waits": false, "documents": 4,
                    "done": 3, "running_ms": 17,
                }],
            },
            {"shard": 1},
        ],
    })
}

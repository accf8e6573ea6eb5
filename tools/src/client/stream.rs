//! Server-sent events, as they come.

use std::io::{self, BufRead};

/// Longest line that is read: an event is some hundred bytes.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// An event as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentEvent {
    /// Where it stands.
    pub id: String,
    /// What it says.
    pub data: String,
}

/// Events that come one after the other.
pub struct EventStream<Source> {
    source: Source,
    /// The last id that came, with or without an event.
    last_id: String,
}

impl<Source: BufRead> EventStream<Source> {
    /// Reads events from a body.
    pub(super) fn new(source: Source) -> Self {
        Self { source, last_id: String::new() }
    }

    /// How far the server has come: what to go on after. Empty if it has not said.
    pub fn last_id(&self) -> &str {
        &self.last_id
    }

    /// The next event; `None` when the server has ended.
    pub fn next_event(&mut self) -> io::Result<Option<SentEvent>> {
        let mut data: Option<String> = None;
        while let Some(line) = self.line()? {
            if line.is_empty() {
                // Without data it was a word of life.
                match data.take() {
                    Some(data) => return Ok(Some(SentEvent { id: self.last_id.clone(), data })),
                    None => continue,
                }
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut self.last_id),
                "data" => match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(value);
                    }
                    None => data = Some(value.to_owned()),
                },
                // The name stands in the data too; a comment is for whoever reads along.
                _ => {}
            }
        }
        Ok(None)
    }

    /// A line without its end; `None` at the end. What a broken connection left of one is none.
    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        io::Read::take(&mut self.source, LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.pop_if(|last| *last == b'\n').is_none() {
            return Ok(None);
        }
        line.pop_if(|last| *last == b'\r');
        String::from_utf8(line).map(Some).map_err(io::Error::other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<(String, String)>, String) {
        let mut stream = EventStream::new(text.as_bytes());
        let mut events = Vec::new();
        while let Some(SentEvent { id, data }) = stream.next_event().unwrap() {
            events.push((id, data));
        }
        (events, stream.last_id().to_owned())
    }

    #[test]
    fn events_end_at_empty_lines() {
        let (events, last) = read("id: 17-1\nevent: gap\ndata: {}\n\nid:17\r\ndata:a\r\ndata: b\r\n\r\n");
        let want = [("17-1", "{}"), ("17", "a\nb")].map(|(id, data)| (id.to_owned(), data.to_owned()));
        assert_eq!((events, last.as_str()), (want.to_vec(), "17"));
    }

    #[test]
    fn a_comment_moves_the_id_on_and_is_no_event() {
        assert_eq!(read("id: 20\n: alive\n\n"), (Vec::new(), "20".to_owned()));
    }

    #[test]
    fn what_was_cut_off_is_no_event() {
        assert_eq!(read("id: 20\ndata: {}\n").0, []);
        assert_eq!(read("id: 20\ndata: {\"a").0, []);
    }
}

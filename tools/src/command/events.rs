//! `annuli events`

use crate::cli::{EventsArgs, OutputFormat};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::output;
use annuli_api::v1::event::EventsQuery;
use serde_json::{Map, Value};
use std::io;

/// Why events are not shown, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server has ended, or the connection.
    #[error("{url} tells nothing more{}: go on there or at another router with --after {last_id}", Because(reason.as_ref()))]
    Ended {
        /// The server.
        url: String,
        /// What was seen last.
        last_id: String,
        /// Why, if the connection broke.
        reason: Option<io::Error>,
    },
    /// An event could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

struct Because<'a>(Option<&'a io::Error>);

impl std::fmt::Display for Because<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |error| write!(f, " ({error})"))
    }
}

/// Prints events: a line each, so that they can be searched and cut.
pub fn run(args: &EventsArgs, server: &Server, format: OutputFormat) -> Result<(), EventsError> {
    let client = Client::of(server, 1)?;
    let after = match (args.after, args.follow) {
        (Some(after), _) => Some(after.to_string()),
        (None, false) => Some("0".to_owned()),
        // From now on, as one follows the end of a file.
        (None, true) => None,
    };
    let mut events = client.events(&EventsQuery { after, follow: Some(args.follow) })?;
    loop {
        let (next, reason) = match events.next_event() {
            Ok(next) => (next, None),
            Err(error) => (None, Some(error)),
        };
        match next {
            Some(event) => output::text(&line(&event.id, &event.data, format))?,
            None if !args.follow && reason.is_none() => return Ok(()),
            None => {
                let (url, last_id) = (server.url().to_owned(), events.last_id().to_owned());
                return Err(EventsError::Ended { url, last_id, reason });
            }
        }
    }
}

/// An event as it is printed: whatever its name is, its fields are shown, so that those of later releases are too.
fn line(id: &str, data: &str, format: OutputFormat) -> String {
    let mut fields: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
    match format {
        OutputFormat::Json => {
            fields.insert("id".to_owned(), Value::from(id));
            format!("{}\n", Value::Object(fields))
        }
        OutputFormat::Table => {
            let name = fields.remove("event").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let said: String = fields.iter().map(|(field, value)| format!("  {field}={}", text(value))).collect();
            format!("{}\n", output::printable(&format!("{id:<10}  {name:<20}{said}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_line_of_its_fields() {
        let data = r#"{"event": "dump_taken", "index": "faces", "generation": 3}"#;
        let table = line("17-1", data, OutputFormat::Table);
        assert_eq!(table, "17-1        dump_taken            generation=3  index=faces\n");
        let json = line("17-1", data, OutputFormat::Json);
        let want = "{\"event\":\"dump_taken\",\"generation\":3,\"id\":\"17-1\",\"index\":\"faces\"}\n";
        assert_eq!(json, want);
    }
}

//! `annuli search`

use crate::cli::{IncludePart, OutputFormat, SearchArgs};
use crate::client::{Client, ClientError, InvalidUrl, Server};
use crate::output::{self, Align};
use crate::vector_file::{VectorFile, VectorFileError};
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::v1::search::{Include, SearchReply, SearchRequest, WireHit};
use annuli_api::v1::vector::{WireVector, to_base64};
use annuli_core::Value;
use serde::de::DeserializeOwned;
use std::fs;
use std::io;
use std::path::Path;

/// Components of a vector that a table shows: enough to recognise it.
const COMPONENTS_SHOWN: usize = 4;

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The URL is none.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// A flag's JSON cannot be read.
    #[error("--{flag} is not the JSON that it should be: {error}")]
    Json {
        /// Which.
        flag: &'static str,
        /// What is wrong with it.
        error: serde_json::Error,
    },
    /// The file behind `@` cannot be read.
    #[error("--vector: `{path}` cannot be read: {error}")]
    VectorText {
        /// The file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// The file of vectors cannot be used.
    #[error(transparent)]
    Vectors(#[from] VectorFileError),
    /// The server could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer could not be printed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Searches, and prints the hits.
pub fn run(args: &SearchArgs, server: &Server, format: OutputFormat) -> Result<(), SearchError> {
    let client = Client::of(server, 1)?;
    let reply = client.search(&args.index, &request(args)?)?;
    match format {
        OutputFormat::Table => {
            output::text(&reply_text(&reply, args.offset.unwrap_or(0), &args.fields, output::width()))?;
        }
        OutputFormat::Json => output::json(&reply)?,
    }
    Ok(())
}

fn request(args: &SearchArgs) -> Result<SearchRequest, SearchError> {
    let vector = match (&args.vector, &args.vectors) {
        (Some(text), _) => Some(read_vector(text)?),
        (None, Some(path)) => Some(read_row(path, args.row.unwrap_or(0))?),
        (None, None) => None,
    };
    let include = |parts: &Vec<IncludePart>| parts.iter().map(|part| wire_part(*part)).collect();
    Ok(SearchRequest {
        vector,
        id: args.id.clone(),
        limit: args.limit,
        ef: args.ef,
        filter: args.filter.as_deref().map(|filter| from_json("filter", filter)).transpose()?,
        offset: args.offset,
        score_threshold: args.score_threshold,
        include: args.include.as_ref().map(include),
        exact: args.exact.then_some(true),
        ..SearchRequest::default()
    })
}

const fn wire_part(part: IncludePart) -> Include {
    match part {
        IncludePart::Metadata => Include::Metadata,
        IncludePart::Vector => Include::Vector,
    }
}

fn read_vector(text: &str) -> Result<WireVector, SearchError> {
    let json = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some("-") => read_text("stdin", io::read_to_string(io::stdin()))?,
        Some(path) => read_text(path, fs::read_to_string(path))?,
    };
    from_json("vector", &json)
}

fn read_text(path: &str, text: io::Result<String>) -> Result<String, SearchError> {
    text.map_err(|error| SearchError::VectorText { path: path.to_owned(), error })
}

fn from_json<T: DeserializeOwned>(flag: &'static str, json: &str) -> Result<T, SearchError> {
    serde_json::from_str(json).map_err(|error| SearchError::Json { flag, error })
}

fn read_row(path: &Path, row: u64) -> Result<WireVector, SearchError> {
    let mut file = VectorFile::open(path)?;
    file.seek(row)?;
    let vector = file.next_row()?.expect("seek has found the row");
    Ok(WireVector::Base64(to_base64(&vector)))
}

fn reply_text(reply: &SearchReply, offset: usize, fields: &[String], width: u16) -> String {
    let hits: Vec<&WireHit> = reply.results.iter().flat_map(|result| &result.hits).collect();
    let mut text = if hits.is_empty() { String::new() } else { hit_table(&hits, offset, fields, width) + "\n" };
    let plural = if hits.len() == 1 { "" } else { "s" };
    let shards = &reply.shards;
    text += &format!(
        "{} hit{plural} in {:.1} ms, {} of {} shards\n",
        hits.len(),
        reply.took_ms,
        shards.successful,
        shards.total
    );
    for failed in &shards.failed {
        text += &format!("shard {} did not answer: {}\n", failed.shard, failed.error);
    }
    text
}

fn hit_table(hits: &[&WireHit], offset: usize, fields: &[String], width: u16) -> String {
    let mut columns =
        vec![("rank", Align::Right), ("id", Align::Left), ("score", Align::Right), ("distance", Align::Right)];
    let metadata = fields.is_empty() && hits.iter().any(|hit| hit.metadata.is_some());
    let vector = hits.iter().any(|hit| hit.vector.is_some());
    columns.extend(fields.iter().map(|field| (field.as_str(), Align::Left)));
    columns.extend(metadata.then_some(("metadata", Align::Left)));
    columns.extend(vector.then_some(("vector", Align::Left)));
    let row = |(position, hit): (usize, &&WireHit)| {
        let rank = (offset + position + 1).to_string();
        let mut cells = vec![rank, hit.id.clone(), format!("{:.6}", hit.score), format!("{:.6}", hit.distance)];
        cells.extend(fields.iter().map(|field| field_text(hit, field)));
        cells.extend(metadata.then(|| metadata_text(hit)));
        cells.extend(vector.then(|| vector_text(hit)));
        cells
    };
    output::table(&columns, hits.iter().enumerate().map(row), width)
}

fn field_text(hit: &WireHit, field: &str) -> String {
    match hit.metadata.as_ref().and_then(|metadata| metadata.0.get(field)) {
        None => String::new(),
        Some(Value::Text(text)) => text.to_string(),
        Some(other) => {
            let alone = WireMetadata([(field.into(), other.clone())].into());
            let json = serde_json::to_value(&alone).expect("it came as JSON");
            json[field].to_string()
        }
    }
}

fn metadata_text(hit: &WireHit) -> String {
    let json = hit.metadata.as_ref().map(|metadata| serde_json::to_string(metadata).expect("it came as JSON"));
    json.unwrap_or_default()
}

fn vector_text(hit: &WireHit) -> String {
    match &hit.vector {
        Some(WireVector::Numbers(numbers)) => {
            let shown: Vec<_> = numbers.iter().take(COMPONENTS_SHOWN).map(|number| format!("{number:.4}")).collect();
            let rest = if numbers.len() > COMPONENTS_SHOWN { ", …" } else { "" };
            format!("[{}{rest}] ({})", shown.join(", "), numbers.len())
        }
        Some(WireVector::Base64(text)) => text.clone(),
        Some(WireVector::Packed(bytes)) => format!("({} bytes)", bytes.len()),
        Some(WireVector::TooLong { components }) => format!("({components} components)"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply(hits: &serde_json::Value) -> SearchReply {
        let shards = json!({"total": 2, "successful": 2, "failed": [], "seqs": {}});
        let reply = json!({"results": [{"hits": hits}], "shards": shards, "as_of": "", "took_ms": 1.25});
        serde_json::from_value(reply).unwrap()
    }

    #[test]
    fn hits_are_ranked_with_aligned_numbers() {
        let hits = json!([
            {"id": "nginx", "score": 0.5, "distance": 0.5, "metadata": {"a": 1}},
            {"id": "b", "score": -10.0, "distance": 11.0, "vector": [1.0, 2.0, 3.0, 4.0, 5.0]},
        ]);
        let expected = "\
rank  id          score   distance  metadata  vector
   6  nginx    0.500000   0.500000  {\"a\":1}
   7  b      -10.000000  11.000000            [1.0000, 2.0000, 3.0000, 4.0000, …] (5)

2 hits in 1.2 ms, 2 of 2 shards
";
        assert_eq!(reply_text(&reply(&hits), 5, &[], 100), expected);
    }

    #[test]
    fn chosen_fields_have_a_column_each() {
        let hits = json!([
            {"id": "a", "score": 0.5, "distance": 0.5, "metadata": {"name": "Ann", "age": 31, "tags": ["x"], "z": 1}},
            {"id": "b", "score": 0.5, "distance": 0.5, "metadata": {"name": "Bob"}},
        ]);
        let expected = "\
rank  id     score  distance  name  age  tags
   1  a   0.500000  0.500000  Ann   31   [\"x\"]
   2  b   0.500000  0.500000  Bob

2 hits in 1.2 ms, 2 of 2 shards
";
        let fields = ["name", "age", "tags"].map(str::to_owned);
        assert_eq!(reply_text(&reply(&hits), 0, &fields, 100), expected);
    }

    #[test]
    fn no_hits_are_no_table() {
        assert_eq!(reply_text(&reply(&json!([])), 0, &[], 100), "0 hits in 1.2 ms, 2 of 2 shards\n");
    }

    #[test]
    fn a_shard_that_did_not_answer_is_named() {
        let mut reply = reply(&json!([]));
        let failed = json!({"shard": 1, "error": {"code": "shard_unavailable", "message": "it is gone"}});
        reply.shards.failed.push(serde_json::from_value(failed).unwrap());
        assert!(reply_text(&reply, 0, &[], 100).ends_with("shard 1 did not answer: it is gone\n"));
    }

    #[track_caller]
    fn check_vector(text: &str, expected: Result<WireVector, &str>) {
        assert_eq!(read_vector(text).map_err(|error| error.to_string()), expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn a_vector_is_json_or_a_file_of_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "[1, 2.5]\n").unwrap();
        let numbers = || Ok(WireVector::Numbers(vec![1.0, 2.5]));
        check_vector("[1, 2.5]", numbers());
        check_vector(&format!("@{}", file.path().display()), numbers());
        check_vector("\"AACAPw==\"", Ok(WireVector::Base64("AACAPw==".to_owned())));
        let message = "--vector is not the JSON that it should be: expected value at line 1 column 1";
        check_vector("one, two", Err(message));
        let message = "--vector: `nowhere.json` cannot be read: No such file or directory (os error 2)";
        check_vector("@nowhere.json", Err(message));
    }
}

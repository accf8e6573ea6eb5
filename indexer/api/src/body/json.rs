//! Bodies of JSON.
//!
//! [`Reader`] is quick with what fills the large bodies, lists of numbers, and knows no errors: what it does not take
//! is read once more by serde_json, which decides and says what is wrong, and where.

mod reader;

use super::bounds::ReadBounds;
use crate::error::{ErrorCode, Failure};
use reader::{Reader, Refused};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Reads a body of JSON.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], bounds: ReadBounds) -> Result<T, Failure> {
    match bounds.during(|| Reader::read(bytes).ok_or(Refused))? {
        Ok(value) => Ok(value),
        Err(Refused) => bounds.during(|| serde_json::from_slice(bytes))?.map_err(|error| failure(&error)),
    }
}

fn failure(error: &serde_json::Error) -> Failure {
    // A number that no float holds is JSON all the same, and so is what is nested deeper than anyone would.
    let text = error.to_string();
    let is_json = text.starts_with("number out of range") || text.starts_with("recursion limit exceeded");
    match error.classify() {
        Category::Syntax | Category::Eof | Category::Io if !is_json => {
            Failure::new(ErrorCode::MalformedJson, format_args!("the body is not JSON: {text}"))
        }
        Category::Syntax | Category::Eof | Category::Io | Category::Data => {
            Failure::new(ErrorCode::InvalidRequest, text)
        }
    }
}

/// Writes a body of JSON, with the end of its line.
pub(super) fn write(value: &impl Serialize, bytes_about: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::with_capacity(bytes_about);
    serde_json::to_writer(&mut bytes, value)
        .map_err(|error| Failure::new(ErrorCode::Internal, format_args!("the answer is no JSON: {error}")))?;
    bytes.push(b'\n');
    Ok(bytes)
}

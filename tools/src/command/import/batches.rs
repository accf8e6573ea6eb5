//! Documents in portions of a request's size.

use super::input::{Input, InputError};
use annuli_api::v1::document::IndexDocument;
use annuli_core::IndexSchema;
use annuli_core::limits::BODY_BYTES_MAX;
use std::ops::Range;

/// Where a batch ends, though more documents would be allowed: a quarter of the largest body, so that one document
/// more, and a server that was told to take half as much, do no harm.
const BATCH_BYTES: usize = BODY_BYTES_MAX / 4;

/// The documents of an input, batch by batch.
pub(super) struct Batches {
    input: Input,
    schema: IndexSchema,
    documents_max: usize,
    next_row: u64,
}

/// What goes into one request.
pub(super) struct Batch {
    pub(super) rows: Range<u64>,
    pub(super) documents: Vec<IndexDocument>,
}

impl Batches {
    /// From that row on.
    pub(super) fn from_row(
        mut input: Input,
        row: u64,
        schema: IndexSchema,
        documents_max: usize,
    ) -> Result<Self, InputError> {
        input.skip(row)?;
        Ok(Self { input, schema, documents_max, next_row: row })
    }

    /// The next batch; `None` behind the last. Documents before a bad one are in no batch: the error comes instead.
    pub(super) fn next(&mut self) -> Result<Option<Batch>, InputError> {
        let (mut documents, mut bytes) = (Vec::new(), 0);
        while documents.len() < self.documents_max && bytes < BATCH_BYTES {
            let Some(next) = self.input.next(&self.schema)? else { break };
            bytes += next.bytes;
            documents.push(next.document);
        }
        if documents.is_empty() {
            return Ok(None);
        }
        let rows = self.next_row..self.next_row + documents.len() as u64;
        self.next_row = rows.end;
        Ok(Some(Batch { rows, documents }))
    }
}

//! Writes. Each document is stored by the shard that owns its id, whatever the polling of a flow would have been.

use crate::document::JinaDocument;
use crate::endpoint::{Call, Done};
use crate::search::without_embedding;
use crate::{filter, kept, target};
use annuli_api::shard_api::Consistency;
use annuli_api::v1::document::{DeleteRequest, GetRequest, IndexDocument, IndexRequest, UpdateDocument, UpdateRequest};
use annuli_api::{ErrorCode, Failure, Index};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
struct Timed {
    timeout_ms: Option<u64>,
}

impl Call<'_> {
    fn timeout_ms(&self) -> Result<Option<u64>, Failure> {
        self.parameters.read(&["timeout_ms"]).map(|Timed { timeout_ms }| timeout_ms)
    }

    fn ids(&self) -> Vec<String> {
        self.documents.iter().filter_map(|document| document.id.clone()).collect()
    }
}

/// `/index`: stores documents, each in place of what was there.
pub(crate) async fn index(mut call: Call<'_>) -> Result<Done, Failure> {
    if call.documents.is_empty() {
        return Ok(Done { documents: Vec::new(), told: None });
    }
    let timeout_ms = call.timeout_ms()?;
    let puts = |documents: &[JinaDocument]| documents.iter().map(put).collect::<Result<_, Failure>>();
    let documents = call.of_documents(timeout_ms, puts).await?;
    let (index, request) = target::find_or_found(&call, IndexRequest { documents, timeout_ms }).await?;
    let reply = call.router.index_documents(&index, request, call.arrived).await?;
    let told = json!({"indexed": reply.indexed, "duplicates": reply.duplicates, "as_of": reply.as_of});
    Ok(Done { documents: call.echo(), told: Some(told) })
}

fn put(document: &JinaDocument) -> Result<IndexDocument, Failure> {
    let id = document.id.clone().unwrap_or_default();
    let vector = document.embedding.clone().ok_or_else(|| without_embedding(&id))?;
    let metadata = Some(kept::metadata(&id, document)?);
    Ok(IndexDocument { id, vector, metadata, if_seq: None })
}

fn patch(document: &JinaDocument) -> Result<UpdateDocument, Failure> {
    let id = document.id.clone().unwrap_or_default();
    let metadata = Some(kept::metadata(&id, document)?).filter(|metadata| !metadata.0.is_empty());
    Ok(UpdateDocument { id, vector: None, metadata, if_seq: None })
}

/// `/update`: a document with an embedding takes the place of the one that was there, or is new; one without changes
/// the tags and texts of the one that is there.
pub(crate) async fn update(mut call: Call<'_>) -> Result<Done, Failure> {
    let timeout_ms = call.timeout_ms()?;
    let index = target::find(call.router, call.parameters).await?;
    if call.parameters.is_on("raise_errors_on_not_found") {
        check_present(&call, &index, timeout_ms).await?;
    }
    let writes = |documents: &[JinaDocument]| {
        let (whole, parts): (Vec<_>, Vec<_>) = documents.iter().partition(|document| document.embedding.is_some());
        let patches: Vec<_> = parts.into_iter().map(patch).collect::<Result<_, Failure>>()?;
        let puts: Vec<_> = whole.into_iter().map(put).collect::<Result<_, Failure>>()?;
        Ok((patches, puts))
    };
    let (patches, puts) = call.of_documents(timeout_ms, writes).await?;
    let mut puts = IndexRequest { documents: puts, timeout_ms };
    if !patches.is_empty() {
        // What is refused changes nothing, and these are written first.
        if !puts.documents.is_empty() {
            puts = call.router.check_puts(&index, puts, call.arrived).await?;
        }
        let request = UpdateRequest { documents: patches, timeout_ms };
        let reply = call.router.update_documents(&index, request, call.arrived).await?;
        check_missing(&index, &reply.missing)?;
    }
    if !puts.documents.is_empty() {
        call.router.index_documents(&index, puts, call.arrived).await?;
    }
    Ok(Done { documents: call.echo(), told: None })
}

/// A check before a write means what is stored now, and not what a replica still has.
async fn check_present(call: &Call<'_>, index: &Arc<Index>, timeout_ms: Option<u64>) -> Result<(), Failure> {
    let request = GetRequest {
        ids: call.ids(),
        include: Some(Vec::new()),
        vector_encoding: None,
        after: None,
        consistency: Some(Consistency::Primary),
        timeout_ms,
    };
    let reply = call.router.get_documents(index, request, call.arrived.at).await?;
    check_missing(index, &reply.missing)
}

fn check_missing(index: &Index, missing: &[String]) -> Result<(), Failure> {
    let Some(id) = missing.first() else { return Ok(()) };
    let others = if missing.len() > 1 { format!(", nor {} more", missing.len() - 1) } else { String::new() };
    let message = format!("index `{}` has no document `{id}`{others}", index.name);
    Err(Failure::new(ErrorCode::DocumentNotFound, message).with("missing", json!(missing)))
}

/// `/delete`: by `parameters.ids`, by `parameters.filter`, or the documents of the request.
pub(crate) async fn delete(call: Call<'_>) -> Result<Done, Failure> {
    let timeout_ms = call.timeout_ms()?;
    let index = target::find(call.router, call.parameters).await?;
    let filter = call.parameters.filter().map(filter::translated);
    let ids = match (call.parameters.texts("ids")?, &filter) {
        (Some(ids), _) => Some(ids),
        (None, Some(_)) => None,
        (None, None) => Some(call.ids()),
    };
    let request = DeleteRequest { ids, filter, if_seq: None, timeout_ms };
    let reply = call.router.delete_documents(&index, request, call.arrived.at).await?;
    let told = json!({"deleted": reply.deleted, "as_of": reply.as_of});
    Ok(Done { documents: call.echo(), told: Some(told) })
}

/// `/clear`: removes every document. The index stays, with its aliases.
pub(crate) async fn clear(call: Call<'_>) -> Result<Done, Failure> {
    let timeout_ms = call.timeout_ms()?;
    let index = target::find(call.router, call.parameters).await?;
    // An empty filter is refused where it could be a mistake; this one says what it means.
    let every = json!({"$or": [{"id": {"$exists": true}}, {"id": {"$exists": false}}]});
    let request = DeleteRequest { ids: None, filter: Some(every), if_seq: None, timeout_ms };
    let reply = call.router.delete_documents(&index, request, call.arrived.at).await?;
    let told = json!({"deleted": reply.deleted, "as_of": reply.as_of});
    Ok(Done { documents: Vec::new(), told: Some(told) })
}

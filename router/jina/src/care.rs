//! How an index is, and its dumps.

use crate::endpoint::{Call, Done, fresh_id};
use crate::shape::SaidDocument;
use crate::target;
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{Number, Value};
use annuli_router::http::dialect;
use annuli_router::{Router, parse_name};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use uuid::Uuid;

/// `GET /dry_run`: whether the server is ready, as a client asks before it begins.
pub(crate) async fn dry_run(State(router): State<Arc<Router>>, headers: HeaderMap) -> Response {
    let status = match dialect::readiness(&router, &headers).await {
        Ok(()) => json!({"code": 0, "description": "", "exception": null}),
        Err(said) => json!({"code": 1, "description": said, "exception": null}),
    };
    dialect::answer(StatusCode::OK, status, 128)
}

/// `/status`: a document whose tags are figures. Nothing is ever waiting to be appended: what was acknowledged is found.
pub(crate) async fn status(call: Call<'_>) -> Result<Done, Failure> {
    let (name, documents, dim, shards) = match target::find(call.router, call.parameters).await {
        Ok(index) => {
            let info = call.router.index_info(&index, call.arrived.at).await;
            (info.name, info.documents, index.schema.dim.get(), index.schema.shards.get())
        }
        // It comes into being with its first document.
        Err(failure) if failure.code == ErrorCode::IndexNotFound && call.parameters.text("index")?.is_none() => {
            (target::DEFAULT_INDEX.to_owned(), 0, 0, 0)
        }
        Err(failure) => return Err(failure),
    };
    let figures = [
        ("appending_size", 0),
        ("dim", dim as i128),
        ("index_size", i128::from(documents)),
        ("shards", i128::from(shards)),
        ("total_docs", i128::from(documents)),
    ];
    let mut tags: WireMetadata = WireMetadata::default();
    for (figure, value) in figures {
        tags.0.insert(figure.into(), Value::Number(Number::Integer(value)));
    }
    tags.0.insert("index".into(), Value::Text(name.into()));
    Ok(told(&call, tags, None))
}

/// `/backup`: begins a dump. The document's tags say by which task it is known.
pub(crate) async fn backup(call: Call<'_>) -> Result<Done, Failure> {
    for name in ["target", "target_name", "token"] {
        if call.parameters.text(name)?.is_some() {
            let message = format!(
                "`parameters.{name}` is not supported by /backup: dumps are kept where the server is told (`--dumps`), under ids of their own"
            );
            return Err(Failure::new(ErrorCode::InvalidRequest, message));
        }
    }
    let index = target::find(call.router, call.parameters).await?;
    let task = call.router.start_dump(&index).await?;
    Ok(begun(&call, task))
}

/// `/restore`: begins to make a new index of the dump `source_name`, in a cluster.
pub(crate) async fn restore(call: Call<'_>) -> Result<Done, Failure> {
    let invalid = |message: &str| Failure::new(ErrorCode::InvalidRequest, message);
    let dump = call.parameters.text("source_name")?.and_then(|text| Uuid::try_parse(text).ok());
    let dump =
        dump.ok_or_else(|| invalid("`parameters.source_name` has to be the id of a dump: see `annuli dump list`"))?;
    let name = call.parameters.text("index")?;
    let name = name.ok_or_else(|| invalid("`parameters.index` has to name the new index that the dump becomes"))?;
    let task = call.router.restore_dump(&parse_name(name)?, dump).await?;
    Ok(begun(&call, task))
}

fn begun(call: &Call<'_>, task: Uuid) -> Done {
    let task = task.hyphenated().to_string();
    let tags = WireMetadata([("task".into(), Value::Text(task.as_str().into()))].into());
    told(call, tags, Some(json!({ "task": task })))
}

fn told(call: &Call<'_>, tags: WireMetadata, told: Option<Json>) -> Done {
    Done { documents: vec![SaidDocument::stored(call.shape, fresh_id(), None, Some(tags))], told }
}

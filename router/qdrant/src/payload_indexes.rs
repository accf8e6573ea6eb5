//! Indexes of payload fields. Every scalar field has one already.

use crate::asked::Asked;
use crate::collections::find;
use crate::envelope::{Reply, said};
use crate::unsupported::unsupported;
use crate::writes::UpdateResult;
use annuli_api::v1::metadata::WireValue;
use annuli_api::{ErrorCode, Failure};
use annuli_core::Value;
use annuli_router::Router;
use annuli_router::http::dialect::{self, Body, Path, Query};
use axum::extract::State;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Body of `PUT …/index`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateFieldIndex {
    field_name: String,
    #[serde(default)]
    field_schema: Option<WireValue>,
}

/// Types of fields whose values are compared here as there.
const COMPARED: [&str; 5] = ["keyword", "integer", "float", "bool", "uuid"];

/// `PUT …/index`
pub(crate) async fn create(
    State(router): State<Arc<Router>>,
    Path(collection): Path<String>,
    Query(asked): Query<Asked>,
    Body(read): Body<CreateFieldIndex>,
) -> Reply<UpdateResult> {
    let (CreateFieldIndex { field_name, field_schema }, arrived) = read?;
    find(&router, &collection).await?;
    let schema = field_schema.map(|WireValue(schema)| schema);
    let kind = match &schema {
        Some(Value::Object(schema)) => schema.get("type"),
        other => other.as_ref(),
    };
    let kind = match kind {
        None => "keyword",
        Some(Value::Text(kind)) => kind,
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            let message = format!("the schema of the field `{field_name}` names no type");
            return Err(Failure::new(ErrorCode::InvalidRequest, message).into());
        }
    };
    if !COMPARED.contains(&kind) {
        let what = format!("an index of the field `{field_name}` as `{kind}`");
        return Err(unsupported(&what, "there are keyword, integer, float, bool and uuid").into());
    }
    Ok(said(arrived.at, UpdateResult::new(&BTreeMap::new(), &asked)))
}

/// `DELETE …/index/{field}`
pub(crate) async fn remove(
    State(router): State<Arc<Router>>,
    Path((collection, _)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Reply<UpdateResult> {
    let started = dialect::now();
    find(&router, &collection).await?;
    Ok(said(started, UpdateResult::new(&BTreeMap::new(), &asked)))
}

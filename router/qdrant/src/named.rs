//! Points that a filter names by their ids and by nothing else.

use crate::asked::Asked;
use crate::point_id::PointId;
use crate::reads::Listed;
use annuli_api::v1::document::{GetReply, GetRequest};
use annuli_api::v1::search::Include;
use annuli_api::{Failure, Index};
use annuli_router::Router;
use std::collections::BTreeSet;
use std::time::Instant;

/// Those of them that are there, with these parts.
pub(crate) async fn read(
    router: &Router,
    index: &Index,
    ids: Vec<String>,
    include: Vec<Include>,
    asked: &Asked,
    started: Instant,
) -> Result<Listed, Failure> {
    if ids.is_empty() {
        return Ok(Listed { documents: Vec::new(), bytes_about: 0 });
    }
    let request = GetRequest {
        ids,
        include: Some(include),
        vector_encoding: None,
        after: None,
        consistency: asked.consistency(),
        timeout_ms: asked.timeout_ms()?,
    };
    let reply = router.get_documents(index, request, started).await?;
    let bytes_about = GetReply::bytes_about(&reply, usize::MAX);
    Ok(Listed { documents: reply.documents, bytes_about })
}

/// A page of ids in the order of their texts, and where the next begins. Where a point is missing the page is shorter.
pub(crate) fn page(ids: &[PointId], begins: &str, limit: usize) -> (Vec<String>, Option<String>) {
    let texts: BTreeSet<String> = ids.iter().map(|id| id.text()).filter(|text| **text >= *begins).collect();
    let mut rest = texts.into_iter();
    let page = rest.by_ref().take(limit).collect();
    (page, rest.next())
}

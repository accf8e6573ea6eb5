//! What can be asked, and who does it.

use crate::document::JinaDocument;
use crate::parameters::Parameters;
use crate::reply::{self, Heading};
use crate::request::JinaRequest;
use crate::shape::{SaidDocument, Shape};
use crate::target::Founding;
use crate::{care, search, write};
use annuli_api::Failure;
use annuli_router::access::{Needs, Role};
use annuli_router::http::dialect::{self, Asker};
use annuli_router::{Arrival, Router};
use axum::response::Response;
use serde_json::Value as Json;
use std::mem;
use uuid::Uuid;

/// Those of AnnLite's executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Index,
    Update,
    Delete,
    Clear,
    Search,
    Filter,
    FillEmbedding,
    Status,
    Backup,
    Restore,
}

impl Endpoint {
    /// All of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Index,
        Self::Update,
        Self::Delete,
        Self::Clear,
        Self::Search,
        Self::Filter,
        Self::FillEmbedding,
        Self::Status,
        Self::Backup,
        Self::Restore,
    ];

    /// The path of its own.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Index => "/index",
            Self::Update => "/update",
            Self::Delete => "/delete",
            Self::Clear => "/clear",
            Self::Search => "/search",
            Self::Filter => "/filter",
            Self::FillEmbedding => "/fill_embedding",
            Self::Status => "/status",
            Self::Backup => "/backup",
            Self::Restore => "/restore",
        }
    }

    /// What who asks for it must be allowed to do.
    pub(crate) const fn needs(self) -> Needs {
        Needs::Role(match self {
            Self::Index | Self::Update | Self::Delete | Self::Clear => Role::Write,
            Self::Search | Self::Filter | Self::FillEmbedding | Self::Status => Role::Read,
            Self::Backup | Self::Restore => Role::Admin,
        })
    }

    fn named(name: &str) -> Option<Self> {
        let name = name.trim_matches('/');
        Self::ALL.into_iter().find(|endpoint| endpoint.path().trim_matches('/') == name)
    }
}

/// A request, with what is needed to do it.
pub(crate) struct Call<'a> {
    pub(crate) router: &'a Router,
    pub(crate) founding: Founding,
    pub(crate) shape: Shape,
    pub(crate) parameters: &'a Parameters,
    pub(crate) documents: Vec<JinaDocument>,
    pub(crate) arrived: Arrival,
}

/// What came of it.
pub(crate) struct Done {
    pub(crate) documents: Vec<SaidDocument>,
    /// What the server tells beside them.
    pub(crate) told: Option<Json>,
}

/// Answers a request to `endpoint`.
pub(crate) async fn answer(
    router: &Router,
    founding: Founding,
    endpoint: Endpoint,
    read: Result<(JinaRequest, Arrival), Failure>,
) -> Response {
    match read {
        Ok((request, arrived)) => {
            let named = endpoint.path().to_owned();
            answer_read(router, founding, (Some(endpoint), named), request, arrived).await
        }
        Err(failure) => dialect::refuse(failure),
    }
}

/// Answers a request to the endpoint that its body names, if its caller may ask for that.
pub(crate) async fn answer_named(
    router: &Router,
    founding: Founding,
    asker: Asker,
    read: Result<(JinaRequest, Arrival), Failure>,
) -> Response {
    let (request, arrived) = match read {
        Ok(read) => read,
        Err(failure) => return dialect::refuse(failure),
    };
    let named = request.endpoint().to_owned();
    let endpoint = Endpoint::named(&named);
    let needs = endpoint.map_or(Needs::Role(Role::Read), Endpoint::needs);
    let admitted = match asker.admit(router, needs, endpoint.map_or("/post", Endpoint::path)) {
        Ok(admitted) => admitted,
        Err(failure) => return dialect::refuse(failure),
    };
    let response = answer_read(router, founding, (endpoint, named), request, arrived).await;
    admitted.ended(&response);
    response
}

async fn answer_read(
    router: &Router,
    founding: Founding,
    (endpoint, named): (Option<Endpoint>, String),
    request: JinaRequest,
    arrived: Arrival,
) -> Response {
    let request_id = request.header.and_then(|header| header.request_id).unwrap_or_else(fresh_id);
    let heading = Heading { request_id, endpoint: named, shape: Shape::of(&request.data.0) };
    let parameters = match Parameters::new(request.parameters) {
        Ok(parameters) => parameters,
        Err(failure) => return reply::failed(&heading, Json::Null, &failure),
    };
    let documents = request.data.0.into_iter().map(named_document).collect();
    let call = Call { router, founding, shape: heading.shape, parameters: &parameters, documents, arrived };
    match perform(endpoint, call).await {
        Ok(done) => reply::documents(&heading, parameters.told(done.told), done.documents),
        Err(failure) => reply::failed(&heading, parameters.told(None), &failure),
    }
}

async fn perform(endpoint: Option<Endpoint>, call: Call<'_>) -> Result<Done, Failure> {
    match endpoint {
        Some(Endpoint::Index) => write::index(call).await,
        Some(Endpoint::Update) => write::update(call).await,
        Some(Endpoint::Delete) => write::delete(call).await,
        Some(Endpoint::Clear) => write::clear(call).await,
        Some(Endpoint::Search) => search::search(call).await,
        Some(Endpoint::Filter) => search::filter(call).await,
        Some(Endpoint::FillEmbedding) => search::fill_embedding(call).await,
        Some(Endpoint::Status) => care::status(call).await,
        Some(Endpoint::Backup) => care::backup(call).await,
        Some(Endpoint::Restore) => care::restore(call).await,
        // As a flow does, none of whose executors knows the endpoint.
        None => Ok(Done { documents: call.echo(), told: None }),
    }
}

impl Call<'_> {
    /// What `made` makes of the documents, which stay to be said back: beside the thread of the connection, if they are much.
    pub(crate) async fn of_documents<R: Send + 'static>(
        &mut self,
        timeout_ms: Option<u64>,
        made: impl FnOnce(&[JinaDocument]) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        let deadline = self.arrived.at + self.router.limits.timeout(timeout_ms)?;
        let documents = mem::take(&mut self.documents);
        let work = move || (made(&documents), documents);
        let (made, documents) = dialect::work(self.router, deadline, self.arrived.bytes, work).await?;
        self.documents = documents;
        made
    }

    /// The documents as they came.
    pub(crate) fn echo(self) -> Vec<SaidDocument> {
        self.documents.into_iter().map(|document| SaidDocument::echo(self.shape, document)).collect()
    }
}

fn named_document(mut document: JinaDocument) -> JinaDocument {
    document.id.get_or_insert_with(fresh_id);
    document
}

/// An id as docarray makes them: 32 hexadecimal digits.
pub(crate) fn fresh_id() -> String {
    Uuid::now_v7().simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_contract::ModelCatalogue;
    use annuli_core::{Metric, ShardCount};
    use annuli_router::{Limits, PollingTable};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use std::thread;

    /// Copies of a batch held up every other request of its connection's thread.
    #[tokio::test]
    async fn what_is_made_of_a_large_batch_holds_up_no_other_connection() {
        let polling = PollingTable::new(&BTreeMap::new()).unwrap();
        let router = Router::new(Arc::new(ModelCatalogue::default()), Limits::default(), polling, ShardCount::ONE);
        let parameters = Parameters::default();
        let here = thread::current().id();
        for (bytes, is_here) in [(1_000, true), (10_000_000, false)] {
            let mut call = Call {
                router: &router,
                founding: Founding { metric: Metric::Cosine },
                shape: Shape::Typed,
                parameters: &parameters,
                documents: vec![JinaDocument::default()],
                arrived: Arrival { at: dialect::now(), bytes },
            };
            let made = call.of_documents(None, |documents| Ok((documents.len(), thread::current().id())));
            let (documents, place) = made.await.unwrap();
            assert_eq!((documents, place == here), (1, is_here));
            assert_eq!(call.documents.len(), 1, "they are still to be said back");
        }
    }
}

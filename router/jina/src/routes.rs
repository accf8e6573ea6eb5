//! The calls, in one table.

use crate::endpoint::{self, Endpoint};
use crate::request::JinaRequest;
use crate::target::Founding;
use crate::{care, reply};
use annuli_router::Router;
use annuli_router::access::{Needs, Role};
use annuli_router::http::dialect::{Asker, Body, Route};
use axum::extract::State;
use axum::http::Method;
use std::sync::Arc;

/// Every call, with what its caller must be allowed to do. `/post` can ask for anything: what its caller needs beyond
/// reading is known when its body has been read. Who may write may begin the index `default` with its first documents, as
/// the protocol has it.
pub(crate) fn table(founding: Founding) -> Vec<Route> {
    let on = |method, endpoint: Endpoint| {
        let answer = move |State(router): State<Arc<Router>>, Body(read): Body<JinaRequest>| async move {
            endpoint::answer(&router, founding, endpoint, read).await
        };
        Route::new(method, endpoint.path(), endpoint.needs(), answer)
    };
    let post = move |State(router): State<Arc<Router>>, asker: Asker, Body(read): Body<JinaRequest>| async move {
        endpoint::answer_named(&router, founding, asker, read).await
    };
    let read = Needs::Role(Role::Read);
    let mut table: Vec<_> = Endpoint::ALL.into_iter().map(|endpoint| on(Method::POST, endpoint)).collect();
    table.extend([
        on(Method::PUT, Endpoint::Update),
        on(Method::DELETE, Endpoint::Delete),
        Route::new(Method::POST, "/post", read, post),
        Route::new(Method::GET, "/status", read, reply::about),
        Route::new(Method::GET, "/dry_run", Needs::Nothing, care::dry_run),
    ]);
    table
}

//! One route.

use super::described::{Described, Words};
use super::failures::{ADDRESS, ALWAYS, BODY, Failures};
use crate::Router;
use crate::access::{Needs, Role};
use annuli_api::ErrorCode;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;

/// A method of a path, who answers it, and what the document says of it.
pub(in crate::http) struct Route {
    /// How it is asked.
    pub(in crate::http) method: Method,
    /// Where, as axum and the document both write it.
    pub(in crate::http) path: &'static str,
    /// Its name in the document. Clients that are made of the document call their functions by it: it never changes.
    pub(in crate::http) id: &'static str,
    /// What it does.
    pub(in crate::http) summary: &'static str,
    /// What it is about.
    pub(in crate::http) tag: Tag,
    /// Statuses of its answers, failures left out.
    pub(in crate::http) statuses: &'static [u16],
    /// Who may ask.
    pub(in crate::http) needs: Needs,
    /// How it may fail.
    pub(in crate::http) failures: Vec<ErrorCode>,
    /// What it takes and answers, by the types of its handler.
    pub(in crate::http) words: Words,
    handler: MethodRouter<Arc<Router>>,
}

/// What routes are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Tag {
    Indexes,
    Documents,
    Aliases,
    Dumps,
    Rollouts,
    Cluster,
    Health,
    Documentation,
}

impl Tag {
    /// In the order in which the page shows them.
    pub(in crate::http) const ALL: [Self; 8] = [
        Self::Indexes,
        Self::Documents,
        Self::Aliases,
        Self::Dumps,
        Self::Rollouts,
        Self::Cluster,
        Self::Health,
        Self::Documentation,
    ];

    /// As the document writes it.
    pub(in crate::http) const fn name(self) -> &'static str {
        match self {
            Self::Indexes => "Indexes",
            Self::Documents => "Documents",
            Self::Aliases => "Aliases",
            Self::Dumps => "Dumps",
            Self::Rollouts => "Rollouts",
            Self::Cluster => "Cluster",
            Self::Health => "Health",
            Self::Documentation => "Documentation",
        }
    }
}

/// A route for `GET`.
pub(super) fn get<H: Handler<T, Arc<Router>> + Described<A>, T: 'static, A>(path: &'static str, handler: H) -> Route {
    Route::new(Method::GET, MethodFilter::GET, path, handler)
}

/// A route for `PUT`.
pub(super) fn put<H: Handler<T, Arc<Router>> + Described<A>, T: 'static, A>(path: &'static str, handler: H) -> Route {
    Route::new(Method::PUT, MethodFilter::PUT, path, handler)
}

/// A route for `POST`.
pub(super) fn post<H: Handler<T, Arc<Router>> + Described<A>, T: 'static, A>(path: &'static str, handler: H) -> Route {
    Route::new(Method::POST, MethodFilter::POST, path, handler)
}

/// A route for `DELETE`.
pub(super) fn delete<H: Handler<T, Arc<Router>> + Described<A>, T: 'static, A>(
    path: &'static str,
    handler: H,
) -> Route {
    Route::new(Method::DELETE, MethodFilter::DELETE, path, handler)
}

impl Route {
    fn new<H: Handler<T, Arc<Router>> + Described<A>, T: 'static, A>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
    ) -> Self {
        let words = H::words();
        let mut route = Self {
            method,
            path,
            id: "",
            summary: "",
            tag: Tag::Documentation,
            statuses: if words.reply.is_some() { &[200] } else { &[204] },
            // Who forgets to say so has shut the route, and not opened it.
            needs: Needs::Role(Role::Admin),
            failures: ALWAYS.to_vec(),
            words,
            handler: on(filter, handler),
        };
        if route.words.body.is_some() {
            route = route.fails(&[BODY]);
        }
        if path.contains('{') || !route.words.parameters.is_empty() {
            route = route.fails(&[ADDRESS]);
        }
        route
    }

    /// With its name, and with what it does.
    pub(super) fn named(self, id: &'static str, summary: &'static str) -> Self {
        Self { id, summary, ..self }
    }

    /// About that.
    pub(super) fn of(self, tag: Tag) -> Self {
        Self { tag, ..self }
    }

    /// For who has a key of that role, or of one that may do more.
    pub(super) fn by(self, role: Role) -> Self {
        Self { needs: Needs::Role(role), ..self }
    }

    /// For who has that.
    pub(super) fn with(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }

    /// With these statuses instead of 200, or of 204 where there is nothing to say.
    pub(super) fn answers(self, statuses: &'static [u16]) -> Self {
        Self { statuses, ..self }
    }

    /// It may also fail in these ways.
    pub(super) fn fails(mut self, failures: &[Failures]) -> Self {
        self.failures.extend(failures.iter().copied().flatten());
        self
    }

    /// The same service, with this route.
    pub(in crate::http) fn join(self, service: axum::Router<Arc<Router>>) -> axum::Router<Arc<Router>> {
        service.route(self.path, self.handler)
    }
}

//! What each route needs, found by what axum has matched.

use super::dialect::{Dialect, Say};
use super::routes::Route;
use crate::access::{Needs, Role};
use annuli_api::v1::path;
use axum::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use axum::http::{HeaderName, Method};
use std::collections::HashMap;

/// What each route of a port needs, where a key is looked for, and in whose words a refusal is said.
pub(super) struct Doors {
    needs: HashMap<&'static str, Vec<(Method, Needs)>>,
    /// Paths of dialects.
    said: HashMap<&'static str, Say>,
    /// What is said everywhere else.
    otherwise: Option<Say>,
    /// A header that holds a key and nothing else.
    key_header: Option<HeaderName>,
}

impl Doors {
    /// Of these routes.
    pub(super) fn of<'a>(routes: impl Iterator<Item = &'a Route>) -> Self {
        let mut needs: HashMap<_, Vec<_>> = HashMap::new();
        for route in routes {
            needs.entry(route.path).or_default().push((route.method.clone(), route.needs));
        }
        Self { needs, said: HashMap::new(), otherwise: None, key_header: None }
    }

    /// Of a dialect on a port of its own, beside whose calls the process's health is told.
    pub(super) fn alone(dialect: &Dialect) -> Self {
        let health = Self::of(std::iter::empty()).open_at([path::LIVEZ, path::HEALTHZ, path::READYZ]);
        let key_header = dialect.key_header.clone();
        Self { otherwise: Some(dialect.say), key_header, ..health.with_dialect(dialect) }
    }

    /// And of a dialect.
    pub(super) fn with_dialect(mut self, dialect: &Dialect) -> Self {
        for route in &dialect.routes {
            self.needs.entry(route.path).or_default().push((route.method.clone(), route.needs));
            self.said.insert(route.path, dialect.say);
        }
        self
    }

    /// And of these, which are the same for everybody: nobody is asked there.
    pub(super) fn open_at(mut self, paths: impl IntoIterator<Item = &'static str>) -> Self {
        self.needs.extend(paths.into_iter().map(|path| (path, vec![(Method::GET, Needs::Nothing)])));
        self
    }

    /// What a request needs that `path` was matched for, if anything was. What is in no table needs most: somebody forgot
    /// it there. Where there is nothing, any key hears so, and nobody else.
    pub(super) fn needs(&self, path: Option<&str>, method: &Method) -> Needs {
        let Some(path) = path else { return Needs::Role(Role::Read) };
        let Some(methods) = self.needs.get(path) else { return Needs::Role(Role::Admin) };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let needs = methods.iter().find_map(|(known, needs)| (known == method).then_some(*needs));
        needs.unwrap_or(Needs::Role(Role::Read))
    }

    /// How a dialect says a failure at the path that was matched, if it is one's.
    pub(super) fn words(&self, path: Option<&str>) -> Option<Say> {
        path.and_then(|path| self.said.get(path).copied()).or(self.otherwise)
    }

    /// The key that a request shows.
    pub(super) fn key<'a>(&self, headers: &'a HeaderMap) -> Option<&'a [u8]> {
        let alone = || Some(headers.get(self.key_header.as_ref()?)?.as_bytes());
        shown(headers).or_else(alone)
    }
}

/// The key in `authorization: Bearer KEY`.
pub(super) fn shown(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(AUTHORIZATION).and_then(bearer)
}

fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, key) = header.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::super::{dialect, routes};
    use super::*;

    fn needs(path: Option<&str>, method: &Method) -> Needs {
        let routes = [routes::requests(), routes::watchers()];
        Doors::of(routes.iter().flatten()).open_at(["/open"]).needs(path, method)
    }

    #[test]
    fn what_is_in_no_table_needs_most() {
        assert_eq!(needs(Some("/forgotten"), &Method::GET), Needs::Role(Role::Admin));
    }

    #[test]
    fn where_there_is_nothing_any_key_hears_so() {
        assert_eq!(needs(None, &Method::GET), Needs::Role(Role::Read));
        assert_eq!(needs(Some("/v1/indexes/{name}"), &Method::PATCH), Needs::Role(Role::Read));
    }

    #[test]
    fn where_everybody_may_look_nobody_is_asked() {
        assert_eq!(needs(Some("/open"), &Method::GET), Needs::Nothing);
        assert_eq!(needs(Some("/open"), &Method::POST), Needs::Role(Role::Read));
    }

    async fn nothing() {}

    fn dialect() -> Dialect {
        let write = Needs::Role(Role::Write);
        let routes = vec![dialect::Route::new(Method::POST, "/search", write, nothing)];
        let say: Say = |_| axum::response::IntoResponse::into_response("other words");
        Dialect { routes, say, key_header: Some(HeaderName::from_static("api-key")) }
    }

    #[test]
    fn a_call_of_a_dialect_has_its_door_and_words() {
        let doors = Doors::of(routes::requests().iter()).with_dialect(&dialect());
        assert_eq!(doors.needs(Some("/search"), &Method::POST), Needs::Role(Role::Write));
        assert!(doors.words(Some("/search")).is_some());
        assert!(doors.words(Some("/v1/indexes")).is_none() && doors.words(None).is_none());
        let alone = Doors::alone(&dialect());
        assert_eq!(alone.needs(Some("/readyz"), &Method::GET), Needs::Nothing);
        assert!(alone.words(None).is_some());
    }

    #[test]
    fn a_port_of_a_dialect_takes_keys_as_its_clients_show_them() {
        let headers = |name: &'static str, value: &'static str| {
            HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
        };
        let (ours, alone) = (Doors::of(routes::requests().iter()), Doors::alone(&dialect()));
        for (header, in_ours, in_alone) in [
            (headers("authorization", "Bearer some-key"), Some("some-key"), Some("some-key")),
            (headers("api-key", "some-key"), None, Some("some-key")),
            (headers("authorization", "some-key"), None, None),
        ] {
            assert_eq!(ours.key(&header), in_ours.map(str::as_bytes));
            assert_eq!(alone.key(&header), in_alone.map(str::as_bytes));
        }
    }

    #[test]
    fn a_method_has_its_own_door() {
        let index = Some("/v1/indexes/{name}");
        for (method, role) in [(Method::GET, Role::Read), (Method::HEAD, Role::Read), (Method::DELETE, Role::Admin)] {
            assert_eq!(needs(index, &method), Needs::Role(role), "{method}");
        }
    }
}

//! What each route needs, found by what axum has matched.

use super::routes::Route;
use crate::access::{Needs, Role};
use axum::http::Method;
use std::collections::HashMap;

/// What each route needs.
pub(super) struct Doors(HashMap<&'static str, Vec<(Method, Needs)>>);

impl Doors {
    /// Of these routes.
    pub(super) fn of<'a>(routes: impl Iterator<Item = &'a Route>) -> Self {
        let mut doors: HashMap<_, Vec<_>> = HashMap::new();
        for route in routes {
            doors.entry(route.path).or_default().push((route.method.clone(), route.needs));
        }
        Self(doors)
    }

    /// And of these, which are the same for everybody: nobody is asked there.
    pub(super) fn open_at(mut self, paths: impl IntoIterator<Item = &'static str>) -> Self {
        self.0.extend(paths.into_iter().map(|path| (path, vec![(Method::GET, Needs::Nothing)])));
        self
    }

    /// What a request needs that `path` was matched for, if anything was. What is in no table needs most: somebody forgot
    /// it there. Where there is nothing, any key hears so, and nobody else.
    pub(super) fn needs(&self, path: Option<&str>, method: &Method) -> Needs {
        let Some(path) = path else { return Needs::Role(Role::Read) };
        let Some(methods) = self.0.get(path) else { return Needs::Role(Role::Admin) };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let needs = methods.iter().find_map(|(known, needs)| (known == method).then_some(*needs));
        needs.unwrap_or(Needs::Role(Role::Read))
    }
}

#[cfg(test)]
mod tests {
    use super::super::routes;
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

    #[test]
    fn a_method_has_its_own_door() {
        let index = Some("/v1/indexes/{name}");
        for (method, role) in [(Method::GET, Role::Read), (Method::HEAD, Role::Read), (Method::DELETE, Role::Admin)] {
            assert_eq!(needs(index, &method), Needs::Role(role), "{method}");
        }
    }
}

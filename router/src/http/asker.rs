//! Who asks, where what is needed is known only when the body has been read.

use super::answer::HttpFailure;
use super::audit::Action;
use super::{doors, guard};
use crate::Router;
use crate::access::{Needs, Role};
use annuli_api::Failure;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;

/// The caller of a request, who has passed the door of its route.
pub struct Asker {
    key: Option<Vec<u8>>,
    method: Method,
}

/// Somebody who may, and what is to be said of it when it has ended.
#[must_use = "what only an admin may do is said when it has ended"]
pub struct Admitted(Option<Action>);

impl FromRequestParts<Arc<Router>> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Router>) -> Result<Self, Infallible> {
        Ok(Self { key: doors::shown(&parts.headers).map(<[u8]>::to_vec), method: parts.method.clone() })
    }
}

impl Asker {
    /// Lets in who may do `what`, a path.
    ///
    /// # Errors
    /// `forbidden` with a key that may not do this.
    pub fn admit(self, router: &Router, needs: Needs, what: &str) -> Result<Admitted, Failure> {
        let admitted = router.access.admit(self.key.as_deref(), needs);
        let is_action = needs == Needs::Role(Role::Admin);
        let action = is_action.then(|| Action::new(guard::name_of(&admitted), self.method, what));
        match (admitted, action) {
            (Ok(_), action) => Ok(Admitted(action)),
            (Err(failure), action) => {
                if let Some(action) = action {
                    action.ended(&HttpFailure(failure.clone()).into_response());
                }
                Err(failure)
            }
        }
    }
}

impl Admitted {
    /// Says how it ended.
    pub fn ended(self, response: &Response) {
        if let Self(Some(action)) = self {
            action.ended(response);
        }
    }
}

//! Aliases of collections.

use crate::collection_name::{of_index, to_index};
use crate::collections::find;
use crate::envelope::{Reply, said};
use annuli_api::{ErrorCode, Failure};
use annuli_core::IndexName;
use annuli_router::Router;
use annuli_router::http::dialect::{self, Body, Path};
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Body of `POST /collections/aliases`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Actions {
    actions: Vec<Action>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
enum Action {
    #[serde(rename = "create_alias")]
    Create { collection_name: String, alias_name: String },
    #[serde(rename = "delete_alias")]
    Delete { alias_name: String },
    #[serde(rename = "rename_alias")]
    Rename { old_alias_name: String, new_alias_name: String },
}

/// `POST /collections/aliases`: one after the other; what fails ends it.
pub(crate) async fn change(State(router): State<Arc<Router>>, Body(read): Body<Actions>) -> Reply<bool> {
    let (Actions { actions }, arrived) = read?;
    for action in actions {
        perform(&router, action).await?;
    }
    Ok(said(arrived.at, true))
}

async fn perform(router: &Router, action: Action) -> Result<(), Failure> {
    match action {
        Action::Create { collection_name, alias_name } => {
            let index = find(router, &collection_name).await?;
            router.catalogue.set_alias(to_index(&alias_name)?, index.name.clone()).await
        }
        Action::Delete { alias_name } => router.catalogue.remove_alias(to_index(&alias_name)?).await,
        Action::Rename { old_alias_name, new_alias_name } => {
            let old = to_index(&old_alias_name)?;
            let index = router.catalogue.aliases().remove(&old).ok_or_else(|| {
                Failure::new(
                    ErrorCode::AliasNotFound,
                    format_args!("Not found: Alias {old_alias_name} does not exist!"),
                )
            })?;
            router.catalogue.set_alias(to_index(&new_alias_name)?, index).await?;
            router.catalogue.remove_alias(old).await
        }
    }
}

fn listed<'a>(aliases: impl IntoIterator<Item = (&'a IndexName, &'a IndexName)>) -> Value {
    let one = |(alias, index): (&IndexName, &IndexName)| json!({"alias_name": of_index(alias.as_str()), "collection_name": of_index(index.as_str())});
    json!({"aliases": aliases.into_iter().map(one).collect::<Vec<_>>()})
}

/// `GET /aliases`
pub(crate) async fn list(State(router): State<Arc<Router>>) -> Reply<Value> {
    let started = dialect::now();
    Ok(said(started, listed(&router.catalogue.aliases())))
}

/// `GET /collections/{collection}/aliases`
pub(crate) async fn of_collection(State(router): State<Arc<Router>>, Path(collection): Path<String>) -> Reply<Value> {
    let started = dialect::now();
    let index = find(&router, &collection).await?;
    let aliases = router.catalogue.aliases();
    Ok(said(started, listed(aliases.iter().filter(|(_, name)| **name == index.name))))
}

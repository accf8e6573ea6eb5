//! Aliases of collections.

use crate::collection_name::{of_index, to_index};
use crate::collections::{find, missing};
use crate::envelope::{Reply, said};
use annuli_api::catalogue::refusal;
use annuli_api::{ErrorCode, Failure};
use annuli_core::IndexName;
use annuli_core::limits::ALIASES_MAX;
use annuli_router::Router;
use annuli_router::http::dialect::{self, Body, Path};
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

/// `POST /collections/aliases`: one switch. Nothing is changed if any of the actions is refused, and an alias that is
/// given anew stands for something at every moment.
pub(crate) async fn change(State(router): State<Arc<Router>>, Body(read): Body<Actions>) -> Reply<bool> {
    let (Actions { actions }, arrived) = read?;
    let before = router.catalogue.aliases();
    let mut after = before.clone();
    for action in actions {
        perform(&router, &before, &mut after, action).await?;
    }
    let Switch { make_room, set, remove } = Switch::between(&before, after)?;
    for alias in make_room {
        router.catalogue.remove_alias(alias).await?;
    }
    for (alias, index) in set {
        router.catalogue.set_alias(alias, index).await?;
    }
    for alias in remove {
        router.catalogue.remove_alias(alias).await?;
    }
    Ok(said(arrived.at, true))
}

/// Aliases with the indexes that they stand for.
type Aliases = BTreeMap<IndexName, IndexName>;

/// What turns some aliases into others. Setting comes before removing: it takes the place of what there was, at once.
#[derive(Debug, Default, PartialEq, Eq)]
struct Switch {
    /// As many of those that go as there would be too many beside those that come.
    make_room: Vec<IndexName>,
    set: Aliases,
    remove: Vec<IndexName>,
}

impl Switch {
    fn between(before: &Aliases, after: Aliases) -> Result<Self, Failure> {
        if after.len() > ALIASES_MAX.max(before.len()) {
            return Err(refusal::too_many_aliases(before.len()));
        }
        let come = after.keys().filter(|alias| !before.contains_key(*alias)).count();
        let mut remove: Vec<_> = before.keys().filter(|alias| !after.contains_key(*alias)).cloned().collect();
        let too_many = if come == 0 { 0 } else { (before.len() + come).saturating_sub(ALIASES_MAX) };
        let make_room = remove.drain(..too_many.min(remove.len())).collect();
        let set = after.into_iter().filter(|(alias, index)| before.get(alias) != Some(index)).collect();
        Ok(Self { make_room, set, remove })
    }
}

/// What the aliases are after an action.
async fn perform(router: &Router, before: &Aliases, after: &mut Aliases, action: Action) -> Result<(), Failure> {
    match action {
        Action::Create { collection_name, alias_name } => {
            let target = to_index(&collection_name)?;
            let index = match after.get(&target) {
                Some(index) => index.clone(),
                None if before.contains_key(&target) => return Err(missing(&collection_name)),
                None => find(router, &collection_name).await?.name.clone(),
            };
            after.insert(free(router, &alias_name)?, index);
        }
        Action::Delete { alias_name } => drop(take(after, &alias_name)?),
        Action::Rename { old_alias_name, new_alias_name } => {
            let index = take(after, &old_alias_name)?;
            after.insert(free(router, &new_alias_name)?, index);
        }
    }
    Ok(())
}

/// A name that an alias may have: that of no index.
fn free(router: &Router, alias: &str) -> Result<IndexName, Failure> {
    let alias = to_index(alias)?;
    match router.catalogue.resolve(&alias) {
        Ok(index) if index.name == alias => Err(refusal::alias_is_an_index(&alias)),
        Ok(_) | Err(_) => Ok(alias),
    }
}

fn take(aliases: &mut Aliases, alias: &str) -> Result<IndexName, Failure> {
    aliases
        .remove(&to_index(alias)?)
        .ok_or_else(|| Failure::new(ErrorCode::AliasNotFound, format_args!("Not found: Alias {alias} does not exist!")))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn aliases(all: &[(&str, &str)]) -> Aliases {
        all.iter().map(|(alias, index)| (IndexName::new(alias).unwrap(), IndexName::new(index).unwrap())).collect()
    }

    #[test]
    fn an_alias_that_is_given_anew_is_not_removed_and_one_that_stays_is_not_set() {
        let before = aliases(&[("live", "a"), ("old", "a"), ("same", "a")]);
        let switch = Switch::between(&before, aliases(&[("live", "b"), ("new", "a"), ("same", "a")])).unwrap();
        let (set, old) = (aliases(&[("live", "b"), ("new", "a")]), IndexName::new("old").unwrap());
        assert_eq!(switch, Switch { set, remove: vec![old], ..Switch::default() });
    }

    /// All there may be but one.
    fn nearly_all() -> Aliases {
        (1..ALIASES_MAX).flat_map(|number| aliases(&[(format!("a{number}").as_str(), "a")])).collect()
    }

    #[test]
    fn what_there_is_no_room_for_is_refused_before_anything_is_set() {
        let before = nearly_all();
        let after = |more: &[(&str, &str)]| before.clone().into_iter().chain(aliases(more)).collect();
        assert!(Switch::between(&before, after(&[("one", "a"), ("a7", "b")])).is_ok());
        let refused = Switch::between(&before, after(&[("one", "a"), ("two", "a")])).unwrap_err();
        assert_eq!(refused.code, ErrorCode::LimitExceeded);
        assert!(refused.message.starts_with("there are 999 aliases, the limit is 1000: "), "{refused}");
    }

    #[test]
    fn who_goes_makes_room_for_who_comes_where_there_is_none() {
        let before = nearly_all();
        let mut after = before.clone();
        let gone = ["a1", "a2"].map(|alias| IndexName::new(alias).unwrap());
        gone.iter().for_each(|alias| drop(after.remove(alias)));
        after.extend(aliases(&[("one", "a"), ("two", "a")]));
        let switch = Switch::between(&before, after).unwrap();
        let [first, second] = gone;
        assert_eq!((switch.make_room, switch.remove, switch.set.len()), (vec![first], vec![second], 2));
    }
}

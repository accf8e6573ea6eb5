//! Operations on indexes and aliases.

use super::plain::{PlainIndex, Schema};
use super::run::Run;
use annuli_api::ErrorCode;
use rand::RngExt;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};
use ureq::http::Method;

/// Names that are sometimes an index's, sometimes an alias's.
const NAMES: [&str; 5] = ["alpha", "beta", "gamma", "first", "second"];

impl Run {
    /// Creates an index, or meets one that is there.
    pub(super) fn create_some(&mut self) {
        let name = self.some_name();
        let random = &mut self.random;
        let schema = Schema {
            dim: random.random_range(1..=8),
            metric: ["cosine", "euclidean", "inner_product"].choose(random).unwrap(),
            shards: random.random_range(1..=4),
            scale: *[1.0, 1e3, 1e-3].choose(random).unwrap(),
        };
        match self.plain.indexes.get(name).map(|index| index.schema) {
            // An equal schema is no change.
            Some(known) if self.random.random_bool(0.5) => self.create(name, known),
            Some(_) | None => self.create(name, schema),
        }
    }

    /// Creates that index, or is refused as the model is.
    pub(super) fn create(&mut self, name: &str, schema: Schema) {
        let answer = self.call(&Method::PUT, &format!("/v1/indexes/{name}"), Some(&schema.to_json()));
        if self.plain.aliases.contains_key(name) {
            return answer.refused(ErrorCode::AliasConflict, name);
        }
        if let Some(known) = self.plain.indexes.get(name) {
            if known.schema.to_json() != schema.to_json() {
                return answer.refused(ErrorCode::IndexExists, name);
            }
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.ok()["uuid"], known.uuid.as_str());
            return;
        }
        assert_eq!(answer.status, 201, "{}", answer.text);
        let info = answer.ok();
        let uuid = info["uuid"].as_str().unwrap();
        assert!(self.plain.indexes.values().all(|index| index.uuid != uuid), "an identity is never given twice");
        assert_eq!(info["documents"], 0, "a new index is empty");
        self.plain.indexes.insert(name.to_owned(), PlainIndex::new(uuid, schema));
    }

    /// Removes an index with its aliases.
    pub(super) fn remove_some(&mut self) {
        let name = self.some_name();
        let answer = self.call(&Method::DELETE, &format!("/v1/indexes/{name}"), None);
        if self.plain.aliases.contains_key(name) {
            return answer.refused(ErrorCode::AliasConflict, name);
        }
        if self.plain.indexes.remove(name).is_none() {
            return answer.refused(ErrorCode::IndexNotFound, name);
        }
        assert_eq!(answer.status, 204, "{}", answer.text);
        self.plain.aliases.retain(|_, index| index != name);
        self.check_names();
    }

    /// Sets or switches an alias.
    pub(super) fn set_alias(&mut self) {
        let (alias, index) = (self.some_name(), self.some_name());
        let answer = self.call(&Method::PUT, &format!("/v1/aliases/{alias}"), Some(&json!({"index": index})));
        if self.plain.indexes.contains_key(alias) {
            return answer.refused(ErrorCode::AliasConflict, alias);
        }
        if !self.plain.indexes.contains_key(index) {
            return answer.refused(ErrorCode::IndexNotFound, index);
        }
        assert_eq!(answer.ok(), json!({"index": index}));
        self.plain.aliases.insert(alias.to_owned(), index.to_owned());
        self.check_names();
    }

    /// Removes an alias.
    pub(super) fn remove_alias(&mut self) {
        let alias = self.some_name();
        let answer = self.call(&Method::DELETE, &format!("/v1/aliases/{alias}"), None);
        match self.plain.aliases.remove(alias) {
            Some(_) => assert_eq!(answer.status, 204, "{}", answer.text),
            None => answer.refused(ErrorCode::AliasNotFound, alias),
        }
    }

    /// Asks for an index that is not there.
    pub(super) fn ask_for_what_is_not_there(&mut self) {
        let name = self.some_name();
        if self.plain.resolve(name).is_some() {
            return;
        }
        let endpoint = *["search", "count", "documents", "index", "delete"].choose(&mut self.random).unwrap();
        let body = match endpoint {
            "search" => json!({"vector": [1.0]}),
            "index" => json!({"documents": [{"id": "a", "vector": [1.0]}]}),
            "count" => json!({}),
            _ => json!({"ids": ["a"]}),
        };
        self.post(name, endpoint, &body).refused(ErrorCode::IndexNotFound, name);
    }

    /// Compares the names of indexes and aliases.
    pub(super) fn check_names(&mut self) {
        let aliases = self.call(&Method::GET, "/v1/aliases", None).ok();
        assert_eq!(aliases["aliases"], json!(self.plain.aliases));
        let list = self.call(&Method::GET, "/v1/indexes", None).ok();
        let text = |info: &Value, field: &str| info[field].as_str().unwrap().to_owned();
        let listed = list["indexes"].as_array().unwrap().iter().map(|info| (text(info, "name"), text(info, "uuid")));
        let known = self.plain.indexes.iter().map(|(name, index)| (name.clone(), index.uuid.clone()));
        assert_eq!(listed.collect::<Vec<_>>(), known.collect::<Vec<_>>());
    }

    fn some_name(&mut self) -> &'static str {
        NAMES.choose(&mut self.random).unwrap()
    }
}

//! Operations that read documents.

use super::condition::Condition;
use super::nearest::{Page, Truth, check_parts};
use super::plain::PlainDocument;
use super::run::Run;
use super::vectors;
use annuli_api::ErrorCode;
use annuli_tests::index::percent_encoded;
use annuli_tests::oracle;
use rand::RngExt;
use rand::seq::{IndexedRandom, IteratorRandom};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use ureq::http::Method;

/// What a read may ask for.
const INCLUDES: [&[&str]; 4] = [&[], &["metadata"], &["vector"], &["metadata", "vector"]];

impl Run {
    /// Reads documents by id, some of which are not there.
    pub(super) fn get_some(&mut self) {
        let (name, index) = self.some_index();
        let ids: Vec<_> = (0..self.random.random_range(1..20)).map(|_| self.some_id()).collect();
        let (asked, include) = self.some_include(&["metadata", "vector"]);
        let mut body = json!({"ids": ids});
        if let Some(asked) = asked {
            body["include"] = asked;
        }
        let body = self.with_after(&index, body);
        let reply = self.post(&name, "documents", &body).ok();
        let documents = &self.plain.indexes[&index].documents;
        // Each is answered once.
        let mut seen = BTreeSet::new();
        let ids: Vec<_> = ids.iter().filter(|id| seen.insert(*id)).collect();
        let (present, missing): (Vec<_>, Vec<_>) = ids.into_iter().partition(|id| documents.contains_key(*id));
        assert_eq!(reply["missing"], json!(missing));
        check_listed(&reply["documents"], present.into_iter().map(|id| (id, &documents[id])), include);
        self.keep_token(&index, &reply);
    }

    /// Reads one document.
    pub(super) fn get_one(&mut self) {
        let (name, index) = self.some_index();
        let id = self.some_id();
        let path = format!("/v1/indexes/{name}/documents/{}", percent_encoded(&id));
        let answer = self.call(&Method::GET, &path, None);
        match self.plain.indexes[&index].documents.get(&id) {
            Some(document) => check_listed(&json!([answer.ok()]), [(&id, document)], INCLUDES[3]),
            None => answer.refused(ErrorCode::DocumentNotFound, &id),
        }
    }

    /// Pages through all documents that match.
    pub(super) fn list_all(&mut self) {
        let (name, index) = self.some_index();
        let condition = self.some_filter(0.5);
        let (asked, include) = self.some_include(&["metadata"]);
        let limit = self.random.random_range(1..40);
        let mut query = format!("?limit={limit}");
        if let Some(asked) = asked {
            let names: Vec<_> = asked.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            query += &format!("&include={}", names.join(","));
        }
        if let Some(condition) = &condition {
            query += &format!("&filter={}", percent_encoded(&condition.to_json().to_string()));
        }
        let mut listed = Vec::new();
        let mut cursor = String::new();
        loop {
            let path = format!("/v1/indexes/{name}/documents{query}{cursor}");
            let page = self.call(&Method::GET, &path, None).ok();
            let documents = page["documents"].as_array().unwrap();
            listed.extend(documents.iter().cloned());
            self.keep_token(&index, &page);
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(documents.len(), limit, "a page that another follows is full");
            assert!(listed.len() <= self.plain.indexes[&index].documents.len(), "the pages do not end");
            cursor = format!("&cursor={}", percent_encoded(next));
        }
        let documents = self.plain.indexes[&index].documents.iter();
        let matching = documents.filter(|(_, document)| matches(condition.as_ref(), document));
        check_listed(&Value::from(listed), matching, include);
    }

    /// Counts documents that match.
    pub(super) fn count(&mut self) {
        let (name, index) = self.some_index();
        let condition = self.some_filter(0.8);
        let mut body = json!({});
        if let Some(condition) = &condition {
            body["filter"] = condition.to_json();
        }
        let body = self.with_after(&index, body);
        let reply = self.post(&name, "count", &body).ok();
        let documents = self.plain.indexes[&index].documents.values();
        assert_eq!(reply["count"], documents.filter(|document| matches(condition.as_ref(), document)).count());
        self.keep_token(&index, &reply);
    }

    /// Searches by vectors or by a document.
    pub(super) fn search(&mut self) {
        let (name, index) = self.some_index();
        let by_id = self.random.random_bool(0.2).then(|| self.some_id());
        let known = by_id.as_ref().map(|id| self.plain.indexes[&index].documents.get(id).cloned());
        let queries: Vec<_> = match &known {
            None => (0..self.random.random_range(1..4)).map(|_| self.some_vector(&index)).collect(),
            Some(document) => document.iter().map(|document| document.vector.clone()).collect(),
        };
        let page = self.some_page(&index, queries.first());
        let condition = self.some_filter(0.5);
        let (asked, include) = self.some_include(&["metadata"]);
        let exact = self.random.random_bool(0.8);

        let mut body = json!({"limit": page.limit, "offset": page.offset, "exact": exact});
        match &by_id {
            Some(id) => body["id"] = json!(id),
            None if queries.len() == 1 => body["vector"] = vectors::to_json(&mut self.random, &queries[0]),
            None => body["vectors"] = json!(queries),
        }
        let optional = [
            ("score_threshold", page.score_threshold.map(Value::from)),
            ("filter", condition.as_ref().map(Condition::to_json)),
            ("include", asked),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                body[field] = value;
            }
        }
        let body = self.with_after(&index, body);
        let answer = self.post(&name, "search", &body);
        if known == Some(None) {
            return answer.refused(ErrorCode::DocumentNotFound, &by_id.unwrap());
        }
        let reply = answer.ok();
        let plain = &self.plain.indexes[&index];
        let results = reply["results"].as_array().unwrap();
        assert_eq!(results.len(), queries.len(), "one result for each query");
        for (result, query) in results.iter().zip(&queries) {
            let hits = result["hits"].as_array().unwrap();
            let counts = |id: &str, document: &PlainDocument| {
                by_id.as_deref() != Some(id) && matches(condition.as_ref(), document)
            };
            let truth = Truth::of(plain, query, counts);
            if exact {
                truth.check_page(hits, page);
            } else {
                truth.check_each(hits);
            }
            hits.iter().for_each(|hit| check_parts(hit, &plain.documents[hit["id"].as_str().unwrap()], include));
        }
        let shards = plain.schema.shards;
        assert_eq!((&reply["shards"]["total"], &reply["shards"]["successful"]), (&json!(shards), &json!(shards)));
        self.keep_token(&index, &reply);
    }

    /// Compares what an index says about itself.
    pub(super) fn check_info(&mut self, index: &str) {
        let info = self.call(&Method::GET, &format!("/v1/indexes/{index}"), None).ok();
        let plain = &self.plain.indexes[index];
        let aliases = self.plain.aliases.iter().filter(|(_, name)| *name == index).map(|(alias, _)| alias.as_str());
        let schema = plain.schema.to_json();
        assert_eq!(info["uuid"], plain.uuid.as_str());
        for field in ["dim", "metric", "shards"] {
            assert_eq!(info[field], schema[field], "{field}");
        }
        assert_eq!(info["aliases"], json!(aliases.collect::<Vec<_>>()));
        assert_eq!(info["documents"], plain.documents.len());
        for (shard, status) in (0..).zip(info["shard_status"].as_array().unwrap()) {
            assert_eq!((&status["shard"], &status["seq"]), (&json!(shard), &json!(plain.seqs[shard as usize])));
            assert_eq!(status["documents"], plain.documents_on(shard), "documents on shard {shard}");
        }
    }

    /// Compares every document.
    pub(super) fn check_documents(&mut self, index: &str) {
        let path = format!("/v1/indexes/{index}/documents?limit=1000&include=metadata,vector");
        let listed = self.call(&Method::GET, &path, None).ok();
        check_listed(&listed["documents"], &self.plain.indexes[index].documents, INCLUDES[3]);
    }

    /// A page, sometimes of hits above a score that about half of the documents reach.
    fn some_page(&mut self, index: &str, query: Option<&Vec<f32>>) -> Page {
        let plain = &self.plain.indexes[index];
        let random = &mut self.random;
        let offset = if random.random_bool(0.5) { random.random_range(0..30) } else { 0 };
        let page = Page { offset, limit: random.random_range(1..30), score_threshold: None };
        let some_document = plain.documents.values().choose(random);
        let (Some(query), Some(document), true) = (query, some_document, random.random_bool(0.3)) else { return page };
        let distance = oracle::distance(plain.schema.metric, query, &document.vector);
        #[allow(clippy::cast_possible_truncation, reason = "any threshold will do")]
        let threshold = oracle::score(plain.schema.metric, distance) as f32;
        Page { score_threshold: Some(threshold), ..page }
    }

    fn some_filter(&mut self, probability: f64) -> Option<Condition> {
        self.random.random_bool(probability).then(|| Condition::draw(&mut self.random, 2))
    }

    /// What to ask for, and what that means: without asking, the default.
    fn some_include(&mut self, default: &'static [&'static str]) -> (Option<Value>, &'static [&'static str]) {
        if self.random.random_bool(0.3) {
            return (None, default);
        }
        let include = *INCLUDES.choose(&mut self.random).unwrap();
        (Some(json!(include)), include)
    }
}

fn matches(condition: Option<&Condition>, document: &PlainDocument) -> bool {
    condition.is_none_or(|condition| condition.matches(&document.metadata))
}

/// The documents of a reply are these, in this order.
fn check_listed<'a>(
    listed: &Value,
    wanted: impl IntoIterator<Item = (&'a String, &'a PlainDocument)>,
    include: &[&str],
) {
    let listed = listed.as_array().unwrap();
    let wanted: Vec<_> = wanted.into_iter().collect();
    let ids: Vec<_> = listed.iter().map(|document| document["id"].as_str().unwrap()).collect();
    assert_eq!(ids, wanted.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>());
    for (document, (id, wanted)) in listed.iter().zip(wanted) {
        assert_eq!(document["seq"], wanted.seq, "seq of `{id}`");
        check_parts(document, wanted, include);
    }
}

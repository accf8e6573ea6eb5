//! What a collection is to be: the body of its creation and of its change.

use crate::unsupported::{Absent, refuse_fields, unsupported};
use annuli_api::v1::index::{CreateIndex, WireHnsw};
use annuli_api::v1::metadata::WireMetadata;
use annuli_api::{ErrorCode, Failure};
use annuli_core::{IndexSchema, Value};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Body of `PUT /collections/{collection}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateCollection {
    #[serde(default)]
    vectors: Option<WireMetadata>,
    #[serde(default)]
    shard_number: Option<u32>,
    #[serde(default)]
    replication_factor: Option<u32>,
    #[serde(default)]
    write_consistency_factor: Option<u32>,
    #[serde(default)]
    hnsw_config: Option<HnswConfig>,
    #[serde(default)]
    quantization_config: Option<WireMetadata>,
    #[serde(default)]
    sparse_vectors: Option<WireMetadata>,
    #[serde(default)]
    sharding_method: Option<String>,
    #[serde(default)]
    metadata: Absent,
    #[serde(default)]
    init_from: Absent,
    #[serde(default)]
    strict_mode_config: Absent,
    /// Hints about where something is stored and when it is built.
    #[serde(default, rename = "optimizers_config")]
    _optimizers_config: Option<IgnoredAny>,
    #[serde(default, rename = "wal_config")]
    _wal_config: Option<IgnoredAny>,
    #[serde(default, rename = "on_disk_payload")]
    _on_disk_payload: Option<IgnoredAny>,
    #[serde(default, rename = "timeout")]
    _timeout: Option<IgnoredAny>,
}

/// The one vector of a collection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct VectorParams {
    size: u64,
    distance: String,
    #[serde(default)]
    hnsw_config: Option<HnswConfig>,
    #[serde(default)]
    quantization_config: Option<WireMetadata>,
    #[serde(default)]
    datatype: Option<String>,
    #[serde(default)]
    multivector_config: Absent,
    /// A hint about where it is stored.
    #[serde(default, rename = "on_disk")]
    _on_disk: Option<IgnoredAny>,
}

impl VectorParams {
    /// Reads them. An object of named ones is told by what it lacks; the unnamed one may be written as if it had a name.
    fn read(WireMetadata(mut said): WireMetadata) -> Result<Self, Failure> {
        if said.len() == 1
            && let Some(Value::Object(unnamed)) = said.remove("")
        {
            said = unnamed;
        }
        if !["size", "distance"].iter().all(|name| said.contains_key(*name)) {
            return Err(unsupported(
                "`vectors` without `size` and `distance`, such as named ones,",
                "a collection has one unnamed vector",
            ));
        }
        let read = serde_json::to_value(WireMetadata(said)).and_then(serde_json::from_value);
        read.map_err(|error| Failure::new(ErrorCode::InvalidRequest, format_args!("`vectors`: {error}")))
    }
}

/// How graphs are built.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HnswConfig {
    #[serde(default)]
    m: Option<usize>,
    #[serde(default)]
    ef_construct: Option<usize>,
    /// Hints about how something is searched, stored and built.
    #[serde(default, rename = "full_scan_threshold")]
    _full_scan_threshold: Option<IgnoredAny>,
    #[serde(default, rename = "max_indexing_threads")]
    _max_indexing_threads: Option<IgnoredAny>,
    #[serde(default, rename = "on_disk")]
    _on_disk: Option<IgnoredAny>,
    #[serde(default, rename = "payload_m")]
    _payload_m: Option<IgnoredAny>,
    #[serde(default, rename = "inline_storage")]
    _inline_storage: Option<IgnoredAny>,
}

impl CreateCollection {
    /// The index that it is.
    ///
    /// # Errors
    /// What Annuli does not have, by its name.
    pub(crate) fn schema(self) -> Result<CreateIndex, Failure> {
        let absent = [
            ("metadata", &self.metadata),
            ("init_from", &self.init_from),
            ("strict_mode_config", &self.strict_mode_config),
        ];
        refuse_fields(&absent)?;
        for (name, factor) in [
            ("replication_factor", self.replication_factor),
            ("write_consistency_factor", self.write_consistency_factor),
        ] {
            if factor.is_some_and(|factor| factor != 1) {
                let what = format!("a `{name}` other than 1");
                return Err(unsupported(&what, "replicas are processes, which whoever runs the cluster starts"));
            }
        }
        if self.sharding_method.as_deref().is_some_and(|method| method != "auto") {
            return Err(unsupported("a `sharding_method` other than auto", "a point's shard follows from its id"));
        }
        if self.sparse_vectors.is_some_and(|WireMetadata(sparse)| !sparse.is_empty()) {
            return Err(unsupported("`sparse_vectors`", "a collection has one dense vector"));
        }
        let missing = || unsupported("a collection without `vectors`", "give it `size` and `distance`");
        let vectors = VectorParams::read(self.vectors.ok_or_else(missing)?)?;
        refuse_fields(&[("multivector_config", &vectors.multivector_config)])?;
        if vectors.datatype.as_deref().is_some_and(|datatype| datatype != "float32") {
            return Err(unsupported("a `datatype` other than float32", "choose a quantization instead"));
        }
        let (own, all) = (vectors.hnsw_config.unwrap_or_default(), self.hnsw_config.unwrap_or_default());
        let hnsw = WireHnsw { m: own.m.or(all.m), ef_construction: own.ef_construct.or(all.ef_construct) };
        let quantization = vectors.quantization_config.or(self.quantization_config);
        Ok(CreateIndex {
            dim: vectors.size,
            metric: metric(&vectors.distance)?.to_owned(),
            shards: self.shard_number,
            hnsw: Some(hnsw),
            quantization: quantization.map(quantized).transpose()?,
        })
    }
}

fn metric(distance: &str) -> Result<&'static str, Failure> {
    match distance {
        "Cosine" => Ok("cosine"),
        "Euclid" => Ok("euclidean"),
        "Dot" => Ok("inner_product"),
        _ => Err(unsupported(&format!("the distance `{distance}`"), "there are Cosine, Euclid and Dot")),
    }
}

/// Vectors are always kept whole as well, and what is found is compared by them.
fn quantized(WireMetadata(config): WireMetadata) -> Result<String, Failure> {
    match config.keys().map(|kind| &**kind).collect::<Vec<_>>().as_slice() {
        ["scalar"] => Ok("int8".to_owned()),
        kinds => {
            let what = format!("the quantization `{}`", kinds.join(", "));
            Err(unsupported(&what, "there is scalar, which is also what a collection has without a word"))
        }
    }
}

/// Body of `PATCH /collections/{collection}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateCollection {
    #[serde(default)]
    hnsw_config: Option<HnswConfig>,
    #[serde(default)]
    vectors: Absent,
    #[serde(default)]
    params: Absent,
    #[serde(default)]
    quantization_config: Absent,
    #[serde(default)]
    sparse_vectors: Absent,
    #[serde(default)]
    strict_mode_config: Absent,
    #[serde(default)]
    metadata: Absent,
    /// Hints about when something is built.
    #[serde(default, rename = "optimizers_config", alias = "optimizer_config")]
    _optimizers_config: Option<IgnoredAny>,
    #[serde(default, rename = "timeout")]
    _timeout: Option<IgnoredAny>,
}

impl UpdateCollection {
    /// Refuses what would change the collection.
    pub(crate) fn check(&self, schema: &IndexSchema) -> Result<(), Failure> {
        let absent = [
            ("vectors", &self.vectors),
            ("params", &self.params),
            ("quantization_config", &self.quantization_config),
            ("sparse_vectors", &self.sparse_vectors),
            ("strict_mode_config", &self.strict_mode_config),
            ("metadata", &self.metadata),
        ];
        refuse_fields(&absent)?;
        let HnswConfig { m, ef_construct, .. } = self.hnsw_config.unwrap_or_default();
        let is_as_it_is =
            m.is_none_or(|m| m == schema.hnsw.m()) && ef_construct.is_none_or(|ef| ef == schema.hnsw.ef_construction());
        if !is_as_it_is {
            let message = format!(
                "the graphs of a collection are built with m {} and ef_construct {}, which cannot be changed: create another collection",
                schema.hnsw.m(),
                schema.hnsw.ef_construction()
            );
            return Err(Failure::new(ErrorCode::InvalidSchema, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value as Json, json};

    fn schema(body: Json) -> Result<CreateIndex, String> {
        let create: CreateCollection = serde_json::from_value(body).map_err(|error| error.to_string())?;
        create.schema().map_err(|failure| failure.message)
    }

    fn with(name: &str, value: Json) -> Json {
        let mut body = json!({"vectors": {"size": 4, "distance": "Cosine"}});
        body[name] = value;
        body
    }

    #[test]
    fn a_collection_is_an_index() {
        let body = json!({
            "vectors": {"size": 4, "distance": "Euclid", "on_disk": true},
            "shard_number": 3,
            "replication_factor": 1,
            "hnsw_config": {"m": 24, "ef_construct": 150, "full_scan_threshold": 10},
            "quantization_config": {"scalar": {"type": "int8"}},
            "optimizers_config": {"indexing_threshold": 0},
            "on_disk_payload": null,
        });
        let index = schema(body).unwrap();
        assert_eq!((index.dim, index.metric.as_str(), index.shards), (4, "euclidean", Some(3)));
        assert_eq!(index.hnsw, Some(WireHnsw { m: Some(24), ef_construction: Some(150) }));
        assert_eq!(index.quantization.as_deref(), Some("int8"));
        for vectors in [json!({"size": 4, "distance": "Dot"}), json!({"": {"size": 4, "distance": "Dot"}})] {
            assert_eq!(schema(json!({ "vectors": vectors })).unwrap().metric, "inner_product");
        }
    }

    #[test]
    fn what_the_vector_says_of_its_graphs_stands_over_what_the_collection_says() {
        let both = |vector: Json, collection: Json| {
            let vectors = json!({"size": 4, "distance": "Dot", "hnsw_config": vector});
            schema(json!({"vectors": vectors, "hnsw_config": collection})).unwrap().hnsw.unwrap()
        };
        let hnsw = |m, ef_construction| WireHnsw { m, ef_construction };
        let collection = json!({"m": 24, "ef_construct": 150});
        assert_eq!(both(json!({"on_disk": true}), collection.clone()), hnsw(Some(24), Some(150)));
        assert_eq!(both(json!({"m": 32}), collection.clone()), hnsw(Some(32), Some(150)));
        assert_eq!(both(json!({"ef_construct": 200}), collection), hnsw(Some(24), Some(200)));
        assert_eq!(both(json!({"ef_construct": 200}), json!(null)), hnsw(None, Some(200)));
    }

    #[track_caller]
    fn check_refused(body: Json, reason: &str) {
        let error = schema(body).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn what_would_change_answers_and_cannot_be_had_is_refused() {
        check_refused(with("vectors", json!({"a": {"size": 4, "distance": "Dot"}})), "named ones, is not supported");
        check_refused(with("vectors", json!({"size": 4, "distance": "Manhattan"})), "the distance `Manhattan`");
        let unknown = json!({"size": 4, "distance": "Dot", "unheard_of": 1});
        check_refused(with("vectors", unknown), "`vectors`: unknown field `unheard_of`");
        check_refused(with("hnsw_config", json!({"ef": 100})), "unknown field `ef`");
        check_refused(with("replication_factor", json!(2)), "`replication_factor` other than 1");
        check_refused(with("sparse_vectors", json!({"s": {}})), "`sparse_vectors`");
        check_refused(with("sharding_method", json!("custom")), "`sharding_method`");
        check_refused(with("quantization_config", json!({"binary": {}})), "the quantization `binary`");
        check_refused(with("metadata", json!({"a": 1})), "`metadata`");
        check_refused(with("unheard_of", json!(1)), "unknown field `unheard_of`");
        check_refused(json!({}), "without `vectors`");
    }
}

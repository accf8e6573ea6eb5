//! How a document is written back: as the generation of docarray reads it that asked.

use crate::document::JinaDocument;
use crate::kept;
use annuli_api::v1::metadata::{WireMetadata, WireValue};
use annuli_api::v1::search::WireHit;
use annuli_api::v1::vector::WireVector;
use annuli_core::value::Object;
use annuli_core::{Value, Vector};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

/// What kind of documents a client has. It shows by the fields that it sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// docarray 0.21 and before: every field there is, null where it says nothing. Also where there is no document.
    First,
    /// docarray from 0.30: its class for documents of the first kind.
    Legacy,
    /// docarray from 0.30: a class of the client's own. Written by hand, too.
    Typed,
}

/// The fields of a document of docarray 0.21.
const FIRST: [&str; 19] = [
    "id",
    "parent_id",
    "granularity",
    "adjacency",
    "blob",
    "tensor",
    "mime_type",
    "text",
    "weight",
    "uri",
    "tags",
    "offset",
    "location",
    "embedding",
    "modality",
    "evaluations",
    "scores",
    "chunks",
    "matches",
];

/// The fields of the class `LegacyDocument`.
const LEGACY: [&str; 10] = ["id", "tensor", "blob", "text", "url", "embedding", "tags", "scores", "chunks", "matches"];

/// The fields that say the same in every class, beside the id.
const OF_ALL: [&str; 4] = ["embedding", "tags", "matches", "scores"];

impl Shape {
    /// The shape of the documents of a request.
    pub(crate) fn of(documents: &[JinaDocument]) -> Self {
        let Some(document) = documents.first() else { return Self::First };
        let has = |name: &str| document.rest.contains_key(name);
        if has("granularity") && has("adjacency") {
            Self::First
        } else if has("url") && has("scores") && has("chunks") {
            Self::Legacy
        } else {
            Self::Typed
        }
    }

    /// The fields that a document has in any case.
    const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::First => &FIRST,
            Self::Legacy => &LEGACY,
            Self::Typed => &["id"],
        }
    }
}

/// A document to be written.
pub(crate) struct SaidDocument {
    shape: Shape,
    id: String,
    embedding: Option<WireVector>,
    tags: Option<Object>,
    rest: Object,
    found: Found,
}

/// What a search has to say of a document.
enum Found {
    Nothing,
    /// It is a query.
    Matches(Vec<SaidDocument>),
    /// It is a match, so far away by that metric.
    Distance(&'static str, f32),
}

impl SaidDocument {
    /// A document as it was sent.
    pub(crate) fn echo(shape: Shape, document: JinaDocument) -> Self {
        let JinaDocument { id, embedding, tags, rest } = document;
        let tags = tags.map(|WireMetadata(tags)| tags);
        Self { shape, id: id.unwrap_or_default(), embedding, tags, rest, found: Found::Nothing }
    }

    /// A query with what was found.
    pub(crate) fn with_matches(mut self, matches: Vec<Self>) -> Self {
        self.found = Found::Matches(matches);
        self
    }

    /// A document with that vector, in place of its own.
    pub(crate) fn with_embedding(mut self, embedding: Option<WireVector>) -> Self {
        self.embedding = embedding;
        self
    }

    /// A match.
    pub(crate) fn hit(shape: Shape, metric: &'static str, hit: WireHit) -> Self {
        let mut said = Self::stored(shape, hit.id, hit.vector, hit.metadata);
        said.found = Found::Distance(metric, hit.distance);
        said
    }

    /// A document of an index.
    pub(crate) fn stored(shape: Shape, id: String, vector: Option<WireVector>, metadata: Option<WireMetadata>) -> Self {
        let (tags, rest) = kept::parts(metadata);
        Self { shape, id, embedding: vector, tags: Some(tags), rest, found: Found::Nothing }
    }

    /// About how many bytes it has when it is written.
    pub(crate) fn bytes_about(&self) -> usize {
        let matches = match &self.found {
            Found::Matches(matches) => matches.iter().map(Self::bytes_about).sum(),
            Found::Nothing | Found::Distance(..) => 0,
        };
        // Tags and texts are mostly small beside vectors; a guess that is too low costs a little of one thread's time.
        512 + self.embedding.as_ref().map_or(0, WireVector::bytes_about) + 64 * self.rest.len() + matches
    }

    /// What stands under a name; nothing where the document says nothing of it.
    fn field(&self, name: &str) -> Option<Field<'_>> {
        let said = match (name, &self.found) {
            ("id", _) => Some(Field::Text(&self.id)),
            ("embedding", _) => self.embedding.as_ref().map(Field::Vector),
            ("tags", _) => match (&self.tags, self.shape) {
                (Some(tags), _) if !tags.is_empty() => Some(Field::Object(tags)),
                (_, Shape::First) | (None, Shape::Typed) => None,
                (_, Shape::Legacy) | (Some(_), Shape::Typed) => Some(Field::NoTags),
            },
            ("matches", Found::Matches(matches)) => Some(Field::Matches(matches)),
            // A class of the client's own has distances beside its matches; the others in each of them.
            ("scores", Found::Matches(matches)) if self.shape == Shape::Typed => Some(Field::Distances(matches)),
            ("scores", Found::Distance(metric, distance)) => Some(Field::Score(metric, *distance)),
            ("adjacency", Found::Distance(..)) if self.shape == Shape::First => Some(Field::One),
            _ => None,
        };
        said.or_else(|| self.rest.get(name).filter(|value| **value != Value::Null).map(Field::Value))
    }

    fn distance(&self) -> f32 {
        match self.found {
            Found::Distance(_, distance) => distance,
            Found::Nothing | Found::Matches(_) => 0.0,
        }
    }
}

impl Serialize for SaidDocument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.shape.fields() {
            map.serialize_entry(name, &self.field(name))?;
        }
        if self.shape == Shape::Typed {
            let others = self.rest.keys().map(|name| &**name).filter(|name| !OF_ALL.contains(name));
            for name in OF_ALL.into_iter().chain(others) {
                if let Some(field) = self.field(name) {
                    map.serialize_entry(name, &field)?;
                }
            }
        }
        map.end()
    }
}

enum Field<'a> {
    Text(&'a str),
    Vector(&'a WireVector),
    Object(&'a Object),
    NoTags,
    Value(&'a Value),
    Matches(&'a [SaidDocument]),
    Distances(&'a [SaidDocument]),
    Score(&'static str, f32),
    One,
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Vector(vector) => numbers((*vector).clone()).serialize(serializer),
            Self::Object(object) => WireMetadata((*object).clone()).serialize(serializer),
            Self::NoTags => json!({}).serialize(serializer),
            Self::Value(value) => WireValue((*value).clone()).serialize(serializer),
            Self::Matches(matches) => matches.serialize(serializer),
            Self::Distances(matches) => serializer.collect_seq(matches.iter().map(SaidDocument::distance)),
            Self::Score(metric, distance) => {
                let value = json!({"value": distance, "op_name": null, "description": null, "ref_id": null});
                json!({ *metric: value }).serialize(serializer)
            }
            Self::One => 1.serialize(serializer),
        }
    }
}

/// A vector as a list of numbers, however it came. One that cannot be read is said back as it was.
fn numbers(vector: WireVector) -> WireVector {
    match Vector::try_from(vector.clone()) {
        Ok(read) => WireVector::from(&read),
        Err(_) => vector,
    }
}

//! What a catalogue refuses, in the same words wherever the catalogue is kept.

use crate::error::{ErrorCode, Failure};
use annuli_core::limits::{ALIASES_MAX, INDEXES_MAX};
use annuli_core::{IndexName, IndexSchema};

/// There is no index or alias of that name.
pub fn index_not_found(name: &IndexName) -> Failure {
    Failure::new(ErrorCode::IndexNotFound, format_args!("there is no index `{name}`")).with("index", name.as_str())
}

/// An index of that name is there, and has another schema than the wanted one.
pub fn index_exists(name: &IndexName, found: &IndexSchema, wanted: &IndexSchema) -> Failure {
    let describe = |schema: &IndexSchema| {
        let (m, ef_construction) = (schema.hnsw.m(), schema.hnsw.ef_construction());
        format!(
            "dim {}, metric {}, shards {}, hnsw.m {m}, hnsw.ef_construction {ef_construction}, quantization {}",
            schema.dim, schema.metric, schema.shards, schema.quantization
        )
    };
    let (found, wanted) = (describe(found), describe(wanted));
    let message = format!("index `{name}` exists with another schema: it has {found}; asked for was {wanted}");
    Failure::new(ErrorCode::IndexExists, message).with("index", name.as_str())
}

/// One index more than there may be is to be made.
pub fn too_many_indexes(there_are: usize) -> Failure {
    let message = format!(
        "there are {there_are} indexes, the limit is {INDEXES_MAX}: delete one that nobody needs, or tell what belongs \
         together apart by a field of its metadata instead"
    );
    Failure::new(ErrorCode::LimitExceeded, message).with("limit", INDEXES_MAX)
}

/// An index is to be made under the name of an alias.
pub fn name_is_an_alias(name: &IndexName) -> Failure {
    let message = format!("`{name}` is an alias: remove the alias, or choose another name for the index");
    Failure::new(ErrorCode::AliasConflict, message)
}

/// An index is to be deleted by the name of an alias.
pub fn delete_by_alias(alias: &IndexName, index: &IndexName) -> Failure {
    let message = format!("`{alias}` is an alias of `{index}`: delete the alias, or the index by its own name");
    Failure::new(ErrorCode::AliasConflict, message)
}

/// An alias is to be set under the name of an index.
pub fn alias_is_an_index(alias: &IndexName) -> Failure {
    let message = format!("`{alias}` is an index: choose another name for the alias");
    Failure::new(ErrorCode::AliasConflict, message)
}

/// One alias more than there may be is to be set.
pub fn too_many_aliases(there_are: usize) -> Failure {
    let message = format!("there are {there_are} aliases, the limit is {ALIASES_MAX}: remove one that nobody needs");
    Failure::new(ErrorCode::LimitExceeded, message).with("limit", ALIASES_MAX)
}

/// There is no alias of that name.
pub fn alias_not_found(alias: &IndexName) -> Failure {
    Failure::new(ErrorCode::AliasNotFound, format_args!("there is no alias `{alias}`"))
}

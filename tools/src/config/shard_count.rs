//! A number of shards in a configuration, checked as it is read.

use annuli_core::ShardCount;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(super) fn serialize<S: Serializer>(shards: &ShardCount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(shards.get())
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ShardCount, D::Error> {
    ShardCount::new(u32::deserialize(deserializer)?).map_err(D::Error::custom)
}

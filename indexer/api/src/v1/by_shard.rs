//! Numbers by shard, as a map whose keys are texts: many readers of MessagePack take no others, and JSON knows none.

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use std::collections::BTreeMap;
use std::fmt;

pub(super) fn serialize<S: Serializer>(numbers: &BTreeMap<u32, u64>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(numbers.iter().map(|(shard, number)| (ShardText(*shard), number)))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u32, u64>, D::Error> {
    deserializer.deserialize_map(NumbersVisitor)
}

struct ShardText(u32);

impl serde::Serialize for ShardText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct NumbersVisitor;

impl<'de> Visitor<'de> for NumbersVisitor {
    type Value = BTreeMap<u32, u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers by shard")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut numbers = BTreeMap::new();
        while let Some((shard, number)) = map.next_entry::<String, u64>()? {
            let shard = shard.parse().map_err(|_| A::Error::custom(format_args!("`{shard}` is no shard")))?;
            numbers.insert(shard, number);
        }
        Ok(numbers)
    }
}

//! Version 1 of what routers and shards say to each other: a request and an answer for each call of `ShardApi`.
//!
//! The order of fields and variants is the format; golden bytes hold it. These are not the domain's types: whoever
//! receives a message turns it into them by `TryFrom`, which checks everything again.

mod invalid;
mod items;
mod metadata;
mod position;
mod vector;

mod filter;

mod changes;
mod count;
mod delete;
mod document;
mod get;
mod list;
mod search;
mod status;
mod write;

pub use changes::{ChangesAnswer, ChangesRequest};
pub use count::{CountAnswer, CountRequest};
pub use delete::{DeleteAnswer, DeleteRequest};
pub use document::DocumentMessage;
pub use filter::{FilterMessage, InvalidFilter};
pub use get::{GetAnswer, GetRequest};
pub use invalid::Invalid;
pub use items::Items;
pub use list::{ListAnswer, ListRequest};
pub use metadata::MetadataBytes;
pub use position::{PositionMessage, ReadMessage};
pub use search::{SearchAnswer, SearchRequest};
pub use status::{StatusAnswer, StatusRequest};
pub use vector::VectorBytes;
pub use write::{WriteAnswer, WriteRequest};

//! What happened in a cluster, remembered for whoever follows it.

use crate::v1::event::{Event, EventId};
use async_trait::async_trait;

/// The last events that a router has seen, in their order.
#[async_trait]
pub trait Chronicle: Send + Sync {
    /// Up to where this router has seen everything.
    fn now(&self) -> EventId;

    /// Events after that one, at most so many.
    fn after(&self, id: EventId, at_most: usize) -> Told;

    /// Waits until there is something after that one.
    async fn wait(&self, id: EventId);
}

/// Events, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Some of what happened after what was asked for is not remembered: what follows begins after this.
    pub gap: Option<EventId>,
    /// The events.
    pub events: Vec<(EventId, Event)>,
}

//! A shard behind its replicas: which of them is asked, what happens when one is late or unable, and which are not asked
//! for a while.
//!
//! ```text
//! Roster ── set ──▶ ReplicaSet: a ShardApi
//!   │                 ├─ writes, status, reads of the primary ──────────────────▶ primary
//!   │                 └─ other reads ─▶ choose ─▶ replica ─ late? ─▶ another as well
//!   └─ Health of each replica ◀── Underway ───────┘   └──── unable? ─▶ the next ─▶ … ─▶ primary
//!      and of what it serves
//! ```
//!
//! It knows handles and names; where a replica is and how it is reached is the business of whoever makes the handles.
//! What decides is pure: it is told the time and what was drawn, and is kept in words that are exchanged atomically, so
//! that no call waits for another.

mod limits;
mod verdict;

mod conduct;
mod pace;
mod standing;
mod tempo;

mod choice;
mod hedging;

mod health;
mod memory;
mod report;
mod served;

mod ask;
mod set;
mod unable;
mod underway;

mod roster;

pub use report::{ReplicaReport, ReplicaState, ShardReport};
pub use roster::{Ready, Roster};
pub use set::ReplicaSet;
pub use standing::Why;

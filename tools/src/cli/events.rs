//! `annuli events`

use annuli_api::v1::event::EventId;
use clap::Args;

/// `annuli events`
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Begin after the event of this id [default: with the first that is remembered]
    #[arg(long, value_name = "ID")]
    pub after: Option<EventId>,

    /// Go on with what happens
    #[arg(long, short)]
    pub follow: bool,
}

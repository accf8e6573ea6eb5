//! A model behind a server and a peer keeps the same promises as the model itself.

use super::running::{OneShard, Running};
use annuli_contract::{ModelShard, Subject};

annuli_contract::hold!(|schema| async move {
    let running = Running::start(OneShard::of(ModelShard::new(schema))).await;
    Subject::with(running.remote(), running)
});

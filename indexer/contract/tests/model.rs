//! The model keeps the contract that it is the measure of.

use annuli_contract::{ModelShard, Subject};

annuli_contract::hold!(|schema| async move { Subject::of(ModelShard::new(schema)) });

//! A bucket keeps the same promises as a folder, whichever server has it.

use crate::store;
use annuli_dump_contract::Subject;
use annuli_tests_s3::S3Server;
use std::sync::Arc;

fn subject(server: Arc<S3Server>) -> Subject {
    Subject::with(store(&server.new_place(), server.variables()), server)
}

mod on_moto {
    use super::{S3Server, subject};

    annuli_dump_contract::hold!(|| subject(S3Server::moto()));
}

mod on_rclone {
    use super::{S3Server, subject};

    annuli_dump_contract::hold!(|| subject(S3Server::rclone()));
}

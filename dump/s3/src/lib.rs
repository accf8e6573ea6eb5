//! Dumps in an S3 bucket, or in whatever speaks its protocol.
//!
//! The objects are called as the files of a folder of dumps are, after a prefix; beside them, an empty object `begun`
//! says that a dump's id is used:
//!
//! ```text
//! s3://<bucket>/<prefix>/<index-uuid>/<dump-id>/begun
//! s3://<bucket>/<prefix>/<index-uuid>/<dump-id>/shard-0.tar.zst
//! …
//! ```
//!
//! **Memory.** An upload holds three parts, a download three ranges, whatever the length of the object: see [`limits`].
//!
//! **Whose threads.** Requests run on a small runtime of the store's own, and callers block for their answers. So they
//! may be threads of any kind, those of another runtime among them.
//!
//! **What never changes.** S3 has conditional requests, and not everything that speaks its protocol honours them. An
//! object is looked for before it is written, written under a condition where there is one, and looked at afterwards:
//! each carries a token of who wrote it, which also tells a request that was answered with an error from one that was
//! not done.
//!
//! **Waiting.** Every request has a time limit; what fails for reasons that pass is tried again until the store's
//! patience is over. A download goes on where it was cut.

pub mod limits;

mod place;

mod fault;
mod worker;

mod bucket;
mod connector;
mod download;
mod files;
mod upload;

pub use bucket::{InvalidEndpoint, OpenS3Error, S3Settings, check_endpoint};
pub use fault::S3Fault;
pub use files::S3Files;
pub use place::{InvalidS3Place, S3Place};

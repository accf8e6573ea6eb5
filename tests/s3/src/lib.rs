//! Real S3 servers as child processes, for tests alone: `tools/setup/s3` sees to them. They disagree, so what holds for
//! both may hold for others: moto honours conditions and takes any credentials; rclone checks signatures, passes over
//! conditions, and names an object's version otherwise when it is asked than when it is written.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic is a failed test")]

mod proxy;
mod server;

pub use proxy::Proxy;
pub use server::S3Server;

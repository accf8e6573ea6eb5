//! The dump as its callers use it, and as an attacker would.
#![allow(clippy::unwrap_used, reason = "clippy takes the helpers of an integration test for something else")]

mod forge;
mod sample;

mod archive;
mod damage;
mod extract;
mod hostile;
mod manifest;
mod store;

//! Replicas: generations that are prepared from dumps, served by number, and retired.

mod damaged;
mod dumped;
mod fetched;
mod followed;
mod given_up;
mod kept;
mod prepared;
mod setting;

//! The service as its users meet it: the real program, over HTTP. One file a topic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic in a test is the test's answer")]

// What each call does.
mod access;
mod aliases;
mod builds;
mod cluster;
mod conditions;
mod deletes;
mod described;
mod distances;
mod encrypted;
mod freshness;
mod health;
mod ids;
mod message_pack;
mod metrics;
mod polling;
mod quantization;
mod reads;
mod searches;
mod updates;
mod upserts;
mod vector_encodings;

// What is refused.
mod bad_documents;
mod bad_filters;
mod bad_requests;
mod bad_schemas;
mod bad_searches;
mod hostile_bodies;

// Real data.
mod debian_packages;
mod imports;

// What happens to a server.
mod connections;
mod damaged_files;
mod full_disks;
mod newer_formats;
mod refused_starts;
mod restarts;
mod shutdowns;
mod slow_readers;

// Many at once.
mod concurrent_writes;
mod deletions_under_load;

// What must hold whatever happens.
mod crash_loop;
mod documentation;
mod dump;
mod identity;
mod model;

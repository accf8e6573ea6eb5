//! Indexes and dumps come into being.

use crate::Router;
use annuli_api::v1::index::CreateIndex;
use annuli_api::{Created, ErrorCode, Failure, Index};
use annuli_core::IndexName;
use serde_json::json;
use std::sync::Arc;
use uuid::Uuid;

impl Router {
    /// Creates an index, unless it is there with an equal schema.
    pub async fn create_index(&self, name: IndexName, request: &CreateIndex) -> Result<Created, Failure> {
        // What a request leaves out is as it is: a change of the server's default must not make an equal request differ.
        let existing = self.catalogue.resolve(&name).ok().filter(|index| index.name == name);
        let shards = match existing {
            Some(index) => index.schema.shards,
            None => self.catalogue.fixed_shards().await.unwrap_or(self.default_shards),
        };
        self.catalogue.create(name, request.schema(shards)?).await
    }

    /// Begins a dump of an index; returns its task.
    pub async fn start_dump(&self, index: &Arc<Index>) -> Result<Uuid, Failure> {
        if let Some(operations) = self.catalogue.operations() {
            return operations.start_dump(index).await;
        }
        let (catalogue, index) = (Arc::clone(&self.catalogue), Arc::clone(index));
        Ok(self.tasks.start("dump", &Arc::clone(&index), |progress| async move {
            let dump = catalogue.create_dump(&index, progress).await?;
            Ok(json!(dump))
        }))
    }

    /// Begins to make a new index of a dump; returns the task.
    pub async fn restore_dump(&self, name: &IndexName, dump: Uuid) -> Result<Uuid, Failure> {
        let alone =
            "this server is no cluster: stop it, and restore into its workspace by `annuli dump restore --workspace`";
        let operations = self.catalogue.operations();
        let operations = operations.ok_or_else(|| Failure::new(ErrorCode::InvalidRequest, alone))?;
        operations.restore(name, dump).await
    }
}

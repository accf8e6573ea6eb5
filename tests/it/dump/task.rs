//! What the service does in the background.

use annuli_tests::wait::wait_for;
use annuli_tests::{Answer, Client, Index};
use serde_json::{Value, json};
use ureq::Error;
use ureq::http::Method;

/// Takes a dump of an index, and returns its id.
///
/// # Panics
/// When the dump fails.
pub(crate) fn dump(index: &Index) -> String {
    let started = index.post("dumps", &json!({}));
    assert_eq!(started.status, 202, "{}", started.text);
    let ended = try_wait(&index.client, &started.ok()).expect("the server answers").ok();
    ended["result"]["dump"].as_str().expect("the id of a dump").to_owned()
}

/// Waits until the task has succeeded, or the server is gone.
///
/// # Panics
/// When the task fails.
pub(crate) fn try_wait(client: &Client, started: &Value) -> Result<Answer, Error> {
    let path = format!("/v1/tasks/{}", started["task"].as_str().expect("a task"));
    let ended = wait_for("the end of a task", || {
        let answer = client.try_send(Method::GET, &path, None);
        let ended = answer.as_ref().map_or(true, |answer| answer.json["status"] != "running");
        ended.then_some(answer)
    })?;
    assert_eq!(ended.json["status"], "succeeded", "{}", ended.text);
    Ok(ended)
}

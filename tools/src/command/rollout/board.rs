//! Where each replica is in a rollout.

use super::{generation_of, short};
use crate::command::task;
use crate::output::{self, Align};
use annuli_api::v1::cluster::{ClusterInfo, ClusterShard};
use annuli_api::v1::task::{TaskInfo, TaskProgress, TaskStatus};
use uuid::Uuid;

/// A rollout as it is at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Board {
    /// How far it is.
    pub(super) status: TaskStatus,
    /// What it waits for, if it is paused for that. Why it came to nothing is said when it is over.
    pub(super) why: Option<String>,
    pub(super) generation: u64,
    pub(super) index: String,
    /// How it does on live searches, if it is tried on them.
    pub(super) compared: Option<String>,
    pub(super) replicas: Vec<Row>,
}

/// A replica in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) shard: u32,
    pub(super) address: String,
    /// What it says.
    pub(super) state: String,
}

impl Board {
    pub(super) fn of(rollout: &TaskInfo, cluster: &ClusterInfo) -> Self {
        let index = rollout.index.clone().unwrap_or_default();
        let generation = generation_of(rollout).unwrap_or_default();
        let shards = cluster.indexes.get(&index).map(|index| index.shards.as_slice()).unwrap_or_default();
        let replicas = shards.iter().flat_map(|shard| rows(shard, generation)).collect();
        let compared = match &rollout.progress {
            TaskProgress::Replicas { canary, .. } => canary.as_ref().map(task::compared),
            TaskProgress::Shards { .. } | TaskProgress::Documents { .. } => None,
        };
        let why = rollout.error.as_ref().filter(|_| !rollout.status.is_over()).map(|failure| failure.message.clone());
        Self { status: rollout.status, why, generation, index, compared, replicas }
    }

    pub(super) fn table(&self) -> String {
        const COLUMNS: [(&str, Align); 3] = [("shard", Align::Right), ("replica", Align::Left), ("state", Align::Left)];
        let row = |row: &Row| vec![row.shard.to_string(), row.address.clone(), row.state.clone()];
        output::table(&COLUMNS, self.replicas.iter().map(row), output::width())
    }

    /// What it is, and how far.
    pub(super) fn heading(&self) -> String {
        let Self { index, generation, status, why, .. } = self;
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("rollout of generation {generation} of index `{index}`: {}{why}", status.name())
    }

    /// What has changed since, a line each.
    pub(super) fn news(&self, before: Option<&Self>) -> Vec<String> {
        let mut news = Vec::new();
        if before.is_none_or(|before| (before.status, &before.why) != (self.status, &self.why)) {
            news.push(self.heading());
        }
        if let Some(compared) = &self.compared
            && before.is_none_or(|before| before.compared != self.compared)
        {
            news.push(compared.clone());
        }
        let known = |row: &Row| before.and_then(|before| before.replicas.iter().find(|known| known.id == row.id));
        for row in self.replicas.iter().filter(|row| known(row).is_none_or(|known| known.state != row.state)) {
            news.push(format!("shard {}  {}  {}", row.shard, row.address, row.state));
        }
        let gone = before.map(|before| before.replicas.as_slice()).unwrap_or_default().iter();
        for row in gone.filter(|row| !self.replicas.iter().any(|known| known.id == row.id)) {
            news.push(format!("shard {}  {}  gone ({})", row.shard, row.address, short(row.id)));
        }
        news
    }
}

fn rows(shard: &ClusterShard, generation: u64) -> impl Iterator<Item = Row> {
    shard.replicas.iter().map(move |replica| Row {
        id: replica.id,
        shard: shard.shard,
        address: replica.address.clone(),
        state: replica.generations.get(&generation).cloned().unwrap_or_else(|| "waits".to_owned()),
    })
}

impl Row {
    /// How far the replica is, as a bar shows it. What it is at it says in words, in which a percentage may stand.
    pub(super) fn percent(&self) -> u64 {
        let number = |words: &str| words.strip_suffix(" %")?.rsplit(' ').next()?.parse().ok();
        match self.state.as_str() {
            "ready" => 100,
            state => number(state).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use annuli_api::{ErrorCode, Failure};

    fn row(id: u128, state: &str) -> Row {
        Row { id: Uuid::from_u128(id), shard: 0, address: format!("127.0.0.1:{id}"), state: state.to_owned() }
    }

    fn board(status: TaskStatus, replicas: Vec<Row>) -> Board {
        Board { status, why: None, generation: 2, index: "faces".to_owned(), compared: None, replicas }
    }

    #[test]
    fn only_what_has_changed_is_news() {
        let first = board(TaskStatus::Running, vec![row(7, "fetching, 3 %"), row(8, "waits")]);
        let heading = "rollout of generation 2 of index `faces`: running";
        assert_eq!(first.news(None), [heading, "shard 0  127.0.0.1:7  fetching, 3 %", "shard 0  127.0.0.1:8  waits"]);
        assert_eq!(first.news(Some(&first)), [""; 0]);
        let compared = Board { compared: Some("3 of 100 searches compared".to_owned()), ..first.clone() };
        assert_eq!(compared.news(Some(&first)), ["3 of 100 searches compared"]);
        let second = board(TaskStatus::Failed, vec![row(7, "ready")]);
        let gone = format!("shard 0  127.0.0.1:8  gone ({})", short(Uuid::from_u128(8)));
        let heading = "rollout of generation 2 of index `faces`: failed";
        assert_eq!(second.news(Some(&first)), [heading, "shard 0  127.0.0.1:7  ready", &gone]);
    }

    /// It said that it was paused, and left it to `task list` to say why.
    #[test]
    fn a_rollout_that_is_paused_says_what_it_waits_for() {
        let rollout = |status| TaskInfo {
            id: Uuid::nil(),
            kind: "rollout".to_owned(),
            index: Some("faces".to_owned()),
            shard: None,
            status,
            progress: TaskProgress::Replicas { replicas_ready: 1, replicas_total: 2, canary: None },
            error: Some(Failure::new(ErrorCode::ShardUnavailable, "the disk is full")),
            result: Some(serde_json::json!({"generation": 2})),
        };
        let cluster: ClusterInfo = serde_json::from_value(serde_json::json!({"epoch": 1, "indexes": {}})).unwrap();
        let [paused, failed] = [TaskStatus::Paused, TaskStatus::Failed].map(|is| Board::of(&rollout(is), &cluster));
        let heading = "rollout of generation 2 of index `faces`: paused: the disk is full";
        assert_eq!(paused.news(Some(&board(TaskStatus::Running, Vec::new()))), [heading]);
        assert_eq!(paused.news(Some(&board(TaskStatus::Paused, Vec::new()))), [heading], "it was paused before");
        assert_eq!(failed.news(Some(&paused)), ["rollout of generation 2 of index `faces`: failed"]);
    }

    #[test]
    fn a_bar_is_as_long_as_the_words_say() {
        for (state, percent) in
            [("waits", 0), ("fetching, 45 %", 45), ("opening", 0), ("ready", 100), ("failed: 3 x", 0)]
        {
            assert_eq!(row(7, state).percent(), percent, "{state}");
        }
    }
}

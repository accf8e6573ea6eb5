//! The same for indexes, aliases and dumps: after a crash each is wholly there or not at all.

use super::{crashes, wait_for_some};
use crate::model::seed;
use annuli_dump::{DumpState, DumpStore, verify_dump};
use annuli_tests::{Answer, Client, Index, Launch, Server};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, IteratorRandom};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use ureq::http::Method;

const NAMES: [&str; 3] = ["a", "b", "c"];
const ALIASES: [&str; 2] = ["x", "y"];

/// Crashes of the larger loop for one of this: each costs several indexes.
const SHARE: u64 = 3;

/// What is there.
#[derive(Debug, Clone, Default, PartialEq)]
struct State {
    indexes: BTreeMap<String, KnownIndex>,
    aliases: BTreeMap<String, String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq)]
struct KnownIndex {
    uuid: String,
    schema: Value,
    /// Their ids.
    documents: BTreeSet<String>,
    dumps: BTreeSet<String>,
}

/// What was asked for.
#[derive(Debug, Clone)]
enum Change {
    Create { name: &'static str, schema: Value },
    Remove { name: String },
    SetAlias { alias: &'static str, index: String },
    RemoveAlias { alias: String },
    Store { name: String, id: String },
    Dump { name: String },
}

/// The connection is broken.
struct Gone;

/// A client that minds the whole catalogue.
struct Keeper {
    random: StdRng,
    state: State,
    in_flight: Option<Change>,
    /// Identities of all indexes that there ever were.
    uuids: BTreeSet<String>,
    documents: u64,
}

#[test]
fn an_index_is_wholly_there_or_not_at_all() {
    let seed = seed::seed(2);
    let mut random = seed::random(seed, 0);
    let mut server = Launch::new().argument("--shards").argument("2").start();
    let random_changes = seed::random(seed, 1);
    let mut keeper = Keeper {
        random: random_changes,
        state: State::default(),
        in_flight: None,
        uuids: BTreeSet::new(),
        documents: 0,
    };
    for _ in 0..crashes().div_ceil(SHARE) {
        change_until_killed(&mut server, &mut keeper, &mut random);
        server.restart();
        check_folders(server.workspace());
        keeper.settle(&server.client(), server.workspace());
    }
}

fn change_until_killed(server: &mut Server, keeper: &mut Keeper, random: &mut StdRng) {
    let client = server.client();
    let killed = AtomicBool::new(false);
    let (acknowledge, acknowledgements) = sync_channel(4096);
    thread::scope(|scope| {
        let (client, killed) = (&client, &killed);
        scope.spawn(move || keeper.run(client, killed, &acknowledge));
        wait_for_some(&acknowledgements, 12, random);
        killed.store(true, Ordering::SeqCst);
        server.kill9();
    });
}

impl Keeper {
    fn run(&mut self, client: &Client, killed: &AtomicBool, acknowledge: &SyncSender<()>) {
        while let Ok(()) = self.change(client) {
            acknowledge.send(()).expect("somebody counts");
        }
        assert!(killed.load(Ordering::SeqCst), "the server does not answer and was not killed");
    }

    fn change(&mut self, client: &Client) -> Result<(), Gone> {
        let change = self.draw();
        self.in_flight = Some(change.clone());
        let answer = change.send(client)?.ok();
        self.in_flight = None;
        if let Change::Create { .. } = change {
            let uuid = answer["uuid"].as_str().unwrap().to_owned();
            assert!(self.uuids.insert(uuid), "an identity is never given twice");
        }
        change.apply(&mut self.state, &answer);
        Ok(())
    }

    fn draw(&mut self) -> Change {
        let random = &mut self.random;
        let some_index = self.state.indexes.keys().choose(random).cloned();
        let free = NAMES.iter().filter(|name| !self.state.indexes.contains_key(**name)).choose(random);
        let some_alias = self.state.aliases.keys().choose(random).cloned();
        match (random.random_range(0..100), some_index, free, some_alias) {
            (0..35, _, Some(&name), _) | (_, None, Some(&name), _) => {
                let dim = random.random_range(1..20);
                Change::Create { name, schema: json!({"dim": dim, "metric": "euclidean", "shards": 2}) }
            }
            (0..60, Some(name), ..) => Change::Remove { name },
            (60..75, Some(index), ..) => Change::SetAlias { alias: ALIASES.choose(random).unwrap(), index },
            (75..80, _, _, Some(alias)) => Change::RemoveAlias { alias },
            (80..85, Some(name), ..) => Change::Dump { name },
            (_, Some(name), ..) => {
                self.documents += 1;
                Change::Store { name, id: self.documents.to_string() }
            }
            (_, None, None, _) => unreachable!("every name is an index or free"),
        }
    }

    /// Finds the state before the change in flight, or the state after it, and nothing else.
    fn settle(&mut self, client: &Client, workspace: &Path) {
        let found = found(client);
        let in_flight = self.in_flight.take();
        let after = in_flight.as_ref().and_then(|change| self.after(change, &found));
        assert!(
            found == self.state || Some(&found) == after.as_ref(),
            "acknowledged: {:#?}\nin flight: {in_flight:?}\nfound: {found:#?}",
            self.state
        );
        self.state = found;
        self.uuids.extend(self.state.indexes.values().map(|index| index.uuid.clone()));
        check_dumps(workspace);
        self.use_every_name(client);
    }

    /// The state after a change of which no answer came, as far as it can be known.
    fn after(&self, change: &Change, found: &State) -> Option<State> {
        let mut state = self.state.clone();
        let answer = match change {
            Change::Create { name, .. } => {
                let uuid = &found.indexes.get(*name)?.uuid;
                assert!(!self.uuids.contains(uuid), "an identity is never given twice");
                json!({"uuid": uuid})
            }
            Change::Dump { name } => {
                let known = &self.state.indexes[name].dumps;
                let new = found.indexes.get(name)?.dumps.difference(known).next()?;
                json!({"result": {"dump": new}})
            }
            Change::Remove { .. } | Change::SetAlias { .. } | Change::RemoveAlias { .. } | Change::Store { .. } => {
                Value::Null
            }
        };
        change.apply(&mut state, &answer);
        Some(state)
    }

    /// Whatever was interrupted, every name can be used.
    fn use_every_name(&mut self, client: &Client) {
        for name in NAMES {
            if let Some(known) = self.state.indexes.get(name) {
                let mut query = vec![0.0; usize::try_from(known.schema["dim"].as_u64().unwrap()).unwrap()];
                query[0] = 1.0;
                let found = Index::named(client, name).found(&json!({"vector": query, "limit": 1000, "exact": true}));
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), known.documents);
            } else {
                let index = Index::create_named(client, name, &json!({"dim": 1, "metric": "cosine"}));
                assert_eq!(index.count(), 0, "a new index is empty");
                client.delete(&index.path("")).ok();
            }
        }
    }
}

impl Change {
    fn send(&self, client: &Client) -> Result<Answer, Gone> {
        let put = |path: String, body: &Value| client.try_send(Method::PUT, &path, Some(&body.to_string()));
        let post = |path: String, body: &Value| client.try_send(Method::POST, &path, Some(&body.to_string()));
        let answer = match self {
            Self::Create { name, schema } => put(format!("/v1/indexes/{name}"), schema),
            Self::Remove { name } => client.try_send(Method::DELETE, &format!("/v1/indexes/{name}"), None),
            Self::SetAlias { alias, index } => put(format!("/v1/aliases/{alias}"), &json!({"index": index})),
            Self::RemoveAlias { alias } => client.try_send(Method::DELETE, &format!("/v1/aliases/{alias}"), None),
            Self::Store { name, id } => {
                let dim = client.try_send(Method::GET, &format!("/v1/indexes/{name}"), None).map_err(|_| Gone)?;
                let vector = vec![1.0; usize::try_from(dim.json["dim"].as_u64().unwrap()).unwrap()];
                post(format!("/v1/indexes/{name}/index"), &json!({"documents": [{"id": id, "vector": vector}]}))
            }
            Self::Dump { name } => {
                let task = post(format!("/v1/indexes/{name}/dumps"), &json!({})).map_err(|_| Gone)?.ok();
                return crate::dump::task::try_wait(client, &task).map_err(|_| Gone);
            }
        };
        answer.map_err(|_| Gone)
    }

    /// What it does to what is there.
    fn apply(&self, state: &mut State, answer: &Value) {
        match self {
            Self::Create { name, schema } => {
                let uuid = answer["uuid"].as_str().unwrap().to_owned();
                let (documents, dumps) = Default::default();
                let known = KnownIndex { uuid, schema: schema.clone(), documents, dumps };
                state.indexes.insert((*name).to_owned(), known);
            }
            Self::Remove { name } => {
                state.indexes.remove(name);
                state.aliases.retain(|_, index| index != name);
            }
            Self::SetAlias { alias, index } => drop(state.aliases.insert((*alias).to_owned(), index.clone())),
            Self::RemoveAlias { alias } => drop(state.aliases.remove(alias)),
            Self::Store { name, id } => {
                state.indexes.get_mut(name).unwrap().documents.insert(id.clone());
            }
            Self::Dump { name } => {
                let dump = answer["result"]["dump"].as_str().unwrap().to_owned();
                state.indexes.get_mut(name).unwrap().dumps.insert(dump);
            }
        }
    }
}

/// What the service says that there is.
fn found(client: &Client) -> State {
    let list = client.get("/v1/indexes").ok();
    assert_eq!(list.get("unavailable"), None, "an index cannot be opened");
    let aliases = client.get("/v1/aliases").ok();
    let mut state = State { aliases: serde_json::from_value(aliases["aliases"].clone()).unwrap(), ..State::default() };
    for info in list["indexes"].as_array().unwrap() {
        let name = info["name"].as_str().unwrap();
        let index = Index::named(client, name);
        let texts = |list: &Value, field: &str| {
            list.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
        };
        let known = KnownIndex {
            uuid: info["uuid"].as_str().unwrap().to_owned(),
            schema: json!({"dim": info["dim"], "metric": info["metric"], "shards": info["shards"]}),
            documents: texts(&json!(index.documents()), "id"),
            dumps: texts(&client.get(&index.path("/dumps")).ok()["dumps"], "dump"),
        };
        state.indexes.insert(name.to_owned(), known);
    }
    state
}

/// Nothing that is being made or removed is left, nor a copy for a dump.
fn check_folders(workspace: &Path) {
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    for name in names(workspace) {
        assert!(!name.starts_with(".new-") && !name.starts_with(".removed-"), "`{name}` is left");
        if name.starts_with('.') {
            continue;
        }
        for shard in names(&workspace.join(&name)).iter().filter(|part| part.parse::<u32>().is_ok()) {
            assert_eq!(names(&workspace.join(&name).join(shard)), ["db"], "shard {shard} of `{name}`");
        }
    }
}

/// Whatever has a manifest is a sound dump; what was cut off is not taken for one.
fn check_dumps(workspace: &Path) {
    let store = DumpStore::in_folder(workspace.join(".dumps"));
    for listed in store.list().unwrap() {
        match listed.state {
            DumpState::Complete(_) => verify_dump(&store.find(listed.dump).unwrap(), &mut |_| {}).unwrap(),
            DumpState::Incomplete => store.delete(listed.index, listed.dump).unwrap(),
            DumpState::Damaged(error) => panic!("{error}"),
        }
    }
}

//! The store of dumps, in memory: its calls may fail, before they have done what they are for or after.

use crate::world::{World, locked};
use annuli_core::IndexUuid;
use annuli_dump::{BeginDumpError, DumpFile, DumpFiles, DumpId, DumpKey, NewFile, PublishError, StoreFault};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// What a dump is kept by.
pub(crate) type Place = (IndexUuid, DumpId);

/// The files of all dumps, by their names.
#[derive(Default)]
pub(crate) struct Shelf {
    /// Every dump that was ever begun.
    begun: BTreeSet<Place>,
    pub(crate) dumps: BTreeMap<Place, BTreeMap<String, Vec<u8>>>,
    /// Files that have been damaged since they were published.
    pub(crate) damaged: BTreeSet<(Place, String)>,
}

impl Shelf {
    /// Whether a dump has its manifest, and all its archives.
    pub(crate) fn has(&self, place: Place, shards: u32) -> bool {
        let Some(files) = self.dumps.get(&place) else { return false };
        let archives = (0..shards).map(|shard| DumpFile::Archive(annuli_core::ShardId(shard)).to_string());
        archives.chain([DumpFile::Manifest.to_string()]).all(|name| files.contains_key(&name))
    }

    /// Turns a bit over in some file.
    pub(crate) fn damage(&mut self, world: &World) {
        let files: Vec<_> =
            self.dumps.iter().flat_map(|(place, files)| files.keys().map(|name| (*place, name))).collect();
        let Some(&(place, name)) = world.dice.one_of(&files) else { return };
        let name = name.clone();
        let Some(bytes) = self.dumps.get_mut(&place).and_then(|files| files.get_mut(&name)) else { return };
        if bytes.is_empty() {
            return;
        }
        let bit = world.dice.below(bytes.len() as u64 * 8);
        bytes[usize::try_from(bit / 8).expect("a place in it")] ^= 1 << (bit % 8);
        world.note(format_args!("a bit of {}/{name} turns over", place.1));
        self.damaged.insert((place, name));
    }
}

/// The way to the shelf.
#[derive(Clone)]
pub(crate) struct ShelfFiles(pub(crate) Arc<World>);

impl fmt::Debug for ShelfFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shelf")
    }
}

impl ShelfFiles {
    fn fault(&self, action: &'static str) -> Result<(), StoreFault> {
        let permille = locked(&self.0.weather).dumps_fail;
        if self.0.dice.permille(permille) {
            Err(StoreFault::new(action, "the shelf", "it does not work now"))
        } else {
            Ok(())
        }
    }
}

fn place(dump: DumpKey) -> Place {
    (dump.index, dump.dump)
}

impl DumpFiles for ShelfFiles {
    fn place(&self) -> String {
        "shelf".to_owned()
    }

    fn lies_in(&self, _: &Path) -> bool {
        false
    }

    fn begin(&self, dump: DumpKey) -> Result<(), BeginDumpError> {
        self.fault("begin")?;
        let mut shelf = locked(&self.0.shelf);
        if !shelf.begun.insert(place(dump)) {
            return Err(BeginDumpError::Exists { index: dump.index, dump: dump.dump });
        }
        shelf.dumps.insert(place(dump), BTreeMap::new());
        drop(shelf);
        Ok(self.fault("begin")?)
    }

    fn create(&self, dump: DumpKey, file: DumpFile) -> Result<Box<dyn NewFile>, StoreFault> {
        self.fault("create")?;
        if !locked(&self.0.shelf).dumps.contains_key(&place(dump)) {
            return Err(StoreFault::new("create", format!("{dump}/{file}"), "there is no such dump"));
        }
        Ok(Box::new(Unpublished { files: self.clone(), dump, file, bytes: Vec::new() }))
    }

    fn open(&self, dump: DumpKey, file: DumpFile, from: u64) -> Result<Option<Box<dyn Read + Send>>, StoreFault> {
        self.fault("open")?;
        let shelf = locked(&self.0.shelf);
        let found = shelf.dumps.get(&place(dump)).and_then(|files| files.get(&file.to_string()));
        let behind =
            |bytes: &Vec<u8>| bytes.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).copied().collect();
        let found: Option<Vec<u8>> = found.map(behind);
        Ok(found.map(|bytes| Box::new(io::Cursor::new(bytes)) as Box<dyn Read + Send>))
    }

    fn bytes(&self, dump: DumpKey, file: DumpFile) -> Result<Option<u64>, StoreFault> {
        self.fault("look at")?;
        let shelf = locked(&self.0.shelf);
        Ok(shelf.dumps.get(&place(dump)).and_then(|files| files.get(&file.to_string())).map(|bytes| bytes.len() as u64))
    }

    fn dumps(&self) -> Result<Vec<DumpKey>, StoreFault> {
        self.fault("list")?;
        Ok(locked(&self.0.shelf).dumps.keys().map(|&(index, dump)| DumpKey { index, dump }).collect())
    }

    fn remove(&self, dump: DumpKey) -> Result<bool, StoreFault> {
        self.fault("remove")?;
        let removed = locked(&self.0.shelf).dumps.remove(&place(dump)).is_some();
        self.fault("remove")?;
        Ok(removed)
    }
}

struct Unpublished {
    files: ShelfFiles,
    dump: DumpKey,
    file: DumpFile,
    bytes: Vec<u8>,
}

impl Write for Unpublished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.files.fault("write").map_err(|_| io::Error::new(io::ErrorKind::StorageFull, "the shelf is full"))?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl NewFile for Unpublished {
    fn publish(self: Box<Self>) -> Result<(), PublishError> {
        self.files.fault("publish")?;
        let object = format!("{}/{}", self.dump, self.file);
        let Self { files, dump, file, bytes } = *self;
        let mut shelf = locked(&files.0.shelf);
        let Some(dump) = shelf.dumps.get_mut(&place(dump)) else {
            return Err(StoreFault::new("publish", object, "the dump was removed").into());
        };
        if dump.contains_key(&file.to_string()) {
            return Err(PublishError::Exists { object });
        }
        dump.insert(file.to_string(), bytes);
        drop(shelf);
        files.0.note(format_args!("published {object}"));
        Ok(files.fault("publish")?)
    }
}

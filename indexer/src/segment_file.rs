//! The folder of a shard's segments: `segments/<number>`, beside the store.
//!
//! A file gets its name when it is whole and on the disk; the store is told of it afterwards. So a file that the store
//! does not know is of no use, and is swept when the shard is opened.

use crate::store::segment::SegmentRecord;
use crate::workspace::DiskFault;
use crate::workspace::disk::{make_folder, sync_folder};
use annuli_core::segment::{OpenSegmentError, Rows, Segment, SegmentOptions, WriteSegmentError, write_segment};
use annuli_core::{IndexSchema, Point};
use std::fs::{self, File};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// What a file is called that is not whole yet.
const UNFINISHED: &str = ".tmp";

/// An open segment and its place.
#[derive(Debug)]
pub struct SegmentFile {
    /// Its number.
    pub number: u64,
    /// What is in it.
    pub segment: Segment,
    /// How large it is.
    pub bytes: u64,
    path: PathBuf,
    /// From its lowest point to its highest.
    pub(crate) points: RangeInclusive<Point>,
}

/// Why a segment that the store knows cannot be used. Its documents are in the store all the same.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It is missing, damaged, or of another release.
    #[error(transparent)]
    Open(#[from] OpenSegmentError),
    /// It is whole, and not the file that was written.
    #[error("segment {}: it is another file than the store knows by this number", path.display())]
    Other {
        /// The file.
        path: PathBuf,
    },
}

/// Why a segment was not written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It was not built, or the disk took no more of it.
    #[error(transparent)]
    Write(#[from] WriteSegmentError),
    /// The folder or the file cannot be used.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// What was written cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenSegmentError),
}

impl SaveError {
    /// Returns whether there is no room on the disk.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Write(WriteSegmentError::Io(reason)) => reason.kind() == io::ErrorKind::StorageFull,
            Self::Disk(fault) => fault.is_full(),
            Self::Write(WriteSegmentError::Cancelled(_)) | Self::Open(_) => false,
        }
    }
}

/// Where a shard's segments are.
#[derive(Debug, Clone)]
pub(crate) struct SegmentFolder {
    path: PathBuf,
}

impl SegmentFolder {
    /// The one in a shard's folder. It is made with the first segment.
    pub(crate) fn of(shard: &Path) -> Self {
        Self { path: shard.join("segments") }
    }

    /// Takes over a file that is to be the segment of that number, and is synced.
    pub(crate) fn adopt(&self, number: u64, file: &Path) -> Result<(), DiskFault> {
        self.make()?;
        fs::rename(file, self.file(number)).map_err(DiskFault::of("rename", file))?;
        sync_folder(&self.path)
    }

    /// Opens a segment that the store knows, for an index of that schema.
    pub(crate) fn open(&self, record: &SegmentRecord, schema: &IndexSchema) -> Result<SegmentFile, Unusable> {
        let path = self.file(record.number);
        let segment = Segment::open(&path)?;
        let found = (segment.checksum(), segment.len(), segment.dim(), segment.metric());
        if found != (record.checksum, record.rows, schema.dim, schema.metric) || segment.is_empty() {
            return Err(Unusable::Other { path });
        }
        Ok(SegmentFile::new(record.number, segment, path))
    }

    /// Builds a segment of `rows`, at least one, and leaves it on the disk under its name.
    pub(crate) fn save(
        &self,
        number: u64,
        rows: &impl Rows,
        options: SegmentOptions<'_>,
    ) -> Result<SegmentFile, SaveError> {
        self.make()?;
        let (path, unfinished) = (self.file(number), self.path.join(format!("{number}{UNFINISHED}")));
        let write = || -> Result<(), SaveError> {
            let mut file = File::create(&unfinished).map_err(DiskFault::of("make", &unfinished))?;
            write_segment(rows, options, &mut file)?;
            file.sync_all().map_err(DiskFault::of("sync", &unfinished))?;
            fs::rename(&unfinished, &path).map_err(DiskFault::of("rename", &unfinished))?;
            Ok(sync_folder(&self.path)?)
        };
        let opened = write().and_then(|()| Ok(SegmentFile::new(number, Segment::open(&path)?, path.clone())));
        opened.inspect_err(|_| {
            // What stays is swept when the shard is opened again.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(&path);
        })
    }

    /// Removes the file of a segment that the store knows no longer. Who has it open keeps what is in it.
    pub(crate) fn remove(&self, number: u64) {
        let path = self.file(number);
        if let Err(reason) = fs::remove_file(&path) {
            tracing::warn!(file = %path.display(), %reason, "a segment that is no longer used stays until the next start");
        }
    }

    /// Removes every file but the segments of these numbers; returns a number above all that were there.
    pub(crate) fn sweep(&self, used: &[u64]) -> u64 {
        let mut next = used.iter().max().map_or(0, |number| number + 1);
        let Ok(entries) = fs::read_dir(&self.path) else { return next };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let number = name.trim_end_matches(UNFINISHED).parse::<u64>().ok();
            next = next.max(number.map_or(0, |number| number.saturating_add(1)));
            if number.is_some_and(|number| name == number.to_string() && used.contains(&number)) {
                continue;
            }
            tracing::info!(file = %entry.path().display(), "removing what is no segment of this shard");
            // What stays is swept the next time; it only takes room, and its number is not given again.
            let _ = fs::remove_file(entry.path());
        }
        next
    }

    fn make(&self) -> Result<(), DiskFault> {
        if self.path.is_dir() {
            return Ok(());
        }
        make_folder(&self.path)?;
        self.path.parent().map_or(Ok(()), sync_folder)
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(number.to_string())
    }
}

impl SegmentFile {
    fn new(number: u64, segment: Segment, path: PathBuf) -> Self {
        // For who watches the room that segments take; a file that is open is there.
        let bytes = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let slots = segment.slots_by_point();
        let point = |slot: Option<&u32>| segment.point(*slot.expect("a segment has a document"));
        let points = point(slots.first())..=point(slots.last());
        Self { number, segment, bytes, path, points }
    }

    /// Gives the file a second name, its number in `folder`, by which it stays when the first is gone.
    pub(crate) fn link_into(&self, folder: &Path) -> Result<(), DiskFault> {
        fs::hard_link(&self.path, folder.join(self.number.to_string())).map_err(DiskFault::of("link", &self.path))
    }
}

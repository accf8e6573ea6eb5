//! Archives made by someone who can write the manifest too: records, lengths and digests always match the bytes, so
//! that only the reader's look at the archive itself stands in the way.

use annuli_dump::{ArchiveRecord, EntryRecord, FrameSpan, ShardRecord};
use annuli_dump_contract::given::{FILES, path, shard};
use std::io::Write;

/// An archive in parts: what the manifest claims of each entry, and what stands in its place.
#[derive(Clone)]
pub(crate) struct Forgery {
    pub(crate) entries: Vec<Forged>,
    pub(crate) trailer: Vec<u8>,
    /// Bytes that the record does not count.
    pub(crate) after: Vec<u8>,
}

/// One entry: the claim, and the bytes of the archive that it covers.
#[derive(Clone)]
pub(crate) struct Forged {
    pub(crate) path: &'static str,
    pub(crate) content: Vec<u8>,
    pub(crate) frame: Vec<u8>,
}

impl Forgery {
    /// Nothing is wrong with it yet.
    pub(crate) fn honest() -> Self {
        let entries = FILES.map(|(path, content)| Forged::honest(path, content)).to_vec();
        Self { entries, trailer: frame(&[0; 1024]), after: Vec::new() }
    }

    /// One entry is replaced.
    pub(crate) fn with(position: usize, forged: Forged) -> Self {
        let mut forgery = Self::honest();
        forgery.entries[position] = forged;
        forgery
    }

    /// Record and bytes that agree in everything that can be counted or digested.
    pub(crate) fn seal(&self) -> (ShardRecord, Vec<u8>) {
        let mut bytes = Vec::new();
        let mut entries = Vec::new();
        for forged in &self.entries {
            let frame = FrameSpan { offset: bytes.len() as u64, bytes: forged.frame.len() as u64 };
            entries.push(EntryRecord {
                path: path(forged.path),
                bytes: forged.content.len() as u64,
                blake3: blake3::hash(&forged.content),
                frame,
            });
            bytes.extend_from_slice(&forged.frame);
        }
        bytes.extend_from_slice(&self.trailer);
        let record = ArchiveRecord::new(entries, bytes.len() as u64, blake3::hash(&bytes)).unwrap();
        bytes.extend_from_slice(&self.after);
        (shard(0, record), bytes)
    }
}

impl Forged {
    pub(crate) fn honest(path: &'static str, content: &[u8]) -> Self {
        Self { path, content: content.to_vec(), frame: frame(&tar(&header(path, content.len() as u64), content)) }
    }

    /// Other bytes under an honest claim of the file at that position.
    pub(crate) fn framed(position: usize, frame: Vec<u8>) -> Self {
        let (path, content) = FILES[position];
        Self { path, content: content.to_vec(), frame }
    }

    /// Another header before the honest content of the file at that position.
    pub(crate) fn headed(position: usize, edit: impl FnOnce(&mut tar::Header)) -> Self {
        let (path, content) = FILES[position];
        let mut header = header(path, content.len() as u64);
        edit(&mut header);
        header.set_cksum();
        Self::framed(position, frame(&tar(&header, content)))
    }
}

/// A header as the tar crate makes it, which knows nothing of dumps.
pub(crate) fn header(path: &str, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_path(path).unwrap();
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(bytes);
    header.set_cksum();
    header
}

/// Header, content and padding.
pub(crate) fn tar(header: &tar::Header, content: &[u8]) -> Vec<u8> {
    let mut tar = [&header.as_bytes()[..], content].concat();
    tar.resize(tar.len().next_multiple_of(512), 0);
    tar
}

/// A frame as a dump has them.
pub(crate) fn frame(content: &[u8]) -> Vec<u8> {
    let mut frame = zstd::Encoder::new(Vec::new(), 3).unwrap();
    frame.include_checksum(true).unwrap();
    frame.set_pledged_src_size(Some(content.len() as u64)).unwrap();
    frame.write_all(content).unwrap();
    frame.finish().unwrap()
}

/// A frame that declares a window and a length, and then holds so many blocks of 128 KiB of zeros in four bytes each.
pub(crate) fn frame_of_zeros(window_descriptor: u8, declared: u64, blocks: usize) -> Vec<u8> {
    let mut frame = 0xFD2F_B528_u32.to_le_bytes().to_vec();
    frame.extend([0b1100_0100, window_descriptor]);
    frame.extend(declared.to_le_bytes());
    for block in 1..=blocks {
        let last = u32::from(block == blocks);
        let run_length_block = 1 << 1;
        let header = (128 << 10) << 3 | run_length_block | last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame.extend([0; 4]);
    frame
}

/// Bytes that every decoder jumps over.
pub(crate) fn skippable() -> Vec<u8> {
    [&0x184D_2A50_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"hello"].concat()
}

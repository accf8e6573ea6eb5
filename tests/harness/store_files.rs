//! The files of a shard's store, RocksDB's, as a failing disk or a newer release would leave them.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The files of `folder` with that ending, the largest first.
///
/// # Panics
/// When there is none.
pub fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().len()));
    assert!(!files.is_empty(), "no {ending} in {}", folder.display());
    files
}

/// Flips one bit of a file, `percent` of the way through it.
///
/// # Panics
/// When it cannot be written.
pub fn flip_bit(path: &Path, percent: usize) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.len() * percent / 100;
    bytes[place] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Cuts a file off, `percent` of the way through it.
///
/// # Panics
/// When it cannot be written.
pub fn cut(path: &Path, percent: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() * percent / 100).unwrap();
}

/// Appends bytes to a file.
///
/// # Panics
/// When it cannot be written.
pub fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// The write-ahead log that the store wrote last.
///
/// # Panics
/// When there is none.
pub fn newest_log(folder: &Path) -> PathBuf {
    files(folder, ".log").into_iter().max().unwrap()
}

/// A write of one key, as RocksDB's write-ahead log holds it: a header (masked CRC-32C, length, type) and a write
/// batch (sequence number, count, entries).
///
/// # Panics
/// When key or value has more than 127 bytes.
pub fn logged_write(key: &[u8], value: &[u8]) -> Vec<u8> {
    const PUT: u8 = 1;
    const WHOLE_RECORD: u8 = 1;
    // Behind every write that a test makes.
    let sequence_number: u64 = 1 << 40;
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).ok().filter(|&length| length < 128).unwrap();
    let mut record = vec![WHOLE_RECORD];
    record.extend(sequence_number.to_le_bytes());
    record.extend(1_u32.to_le_bytes());
    record.extend([PUT, length(key)]);
    record.extend(key);
    record.push(length(value));
    record.extend(value);
    let crc = crc32c(&record);
    let masked = crc.rotate_right(15).wrapping_add(0xa282_ead8);
    let mut bytes = masked.to_le_bytes().to_vec();
    bytes.extend(u16::try_from(record.len() - 1).unwrap().to_le_bytes());
    bytes.extend(record);
    bytes
}

/// The Castagnoli CRC, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crc_is_castagnolis() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}

//! The tar around an entry: header, padding, and the end of the archive. All of it is a function of path and length,
//! so a reader compares bytes instead of trusting them.

use crate::entry_path::EntryPath;

/// Unit of a tar: one header, and the multiple that contents are padded to.
pub(crate) const BLOCK_BYTES: usize = 512;

/// Two blocks of zeros end a tar.
pub(crate) const TRAILER: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// A header that is not the one of the recorded entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// A link, a device, a folder, or an extension of tar.
    #[error("its tar header declares {kind}, not a regular file")]
    Kind {
        /// What it declares, with its article.
        kind: &'static str,
    },
    /// Another entry stands here.
    #[error("its tar header names {found:?}")]
    Path {
        /// The name in the header.
        found: String,
    },
    /// Another length than recorded.
    #[error("its tar header declares {found} bytes, {recorded} are recorded")]
    Size {
        /// The length in the header.
        found: u64,
        /// The length in the manifest.
        recorded: u64,
    },
    /// An owner, a time, a checksum, or anything else that a dump's header does not have.
    #[error("its tar header differs at byte {at} from the only one a dump may have")]
    Field {
        /// The first byte that differs.
        at: usize,
    },
}

/// Length of a content with the zeros after it.
pub(crate) const fn padded(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES as u64)
}

/// Length of header, content and padding: what one frame expands to.
pub(crate) const fn frame_content_bytes(bytes: u64) -> u64 {
    BLOCK_BYTES as u64 + padded(bytes)
}

/// The header of a regular file that belongs to nobody and has no age.
pub(crate) fn header(path: &EntryPath, bytes: u64) -> [u8; BLOCK_BYTES] {
    let mut header = tar::Header::new_ustar();
    // A path has at most as many bytes as the field, and needs none of the normalising that `set_path` may fail at.
    for (slot, byte) in header.as_old_mut().name.iter_mut().zip(path.as_str().bytes()) {
        *slot = byte;
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes);
    header.set_cksum();
    *header.as_bytes()
}

/// Accepts the one header that [`header`] makes. What is wrong with any other is found out for the message only.
pub(crate) fn check_header(found: &[u8; BLOCK_BYTES], path: &EntryPath, bytes: u64) -> Result<(), HeaderFault> {
    let expected = header(path, bytes);
    let Some(at) = expected.iter().zip(found).position(|(expected, found)| expected != found) else { return Ok(()) };
    let found = tar::Header::from_byte_slice(found);
    if let Some(kind) = foreign_kind(found.as_old().linkflag[0]) {
        return Err(HeaderFault::Kind { kind });
    }
    if *found.path_bytes() != *path.as_str().as_bytes() {
        return Err(HeaderFault::Path { found: String::from_utf8_lossy(&found.path_bytes()).into_owned() });
    }
    match found.size() {
        Ok(size) if size != bytes => Err(HeaderFault::Size { found: size, recorded: bytes }),
        Ok(_) | Err(_) => Err(HeaderFault::Field { at }),
    }
}

/// Anything but a regular file.
fn foreign_kind(flag: u8) -> Option<&'static str> {
    match flag {
        b'0' | b'\0' => None,
        b'1' => Some("a hard link"),
        b'2' => Some("a symbolic link"),
        b'3' => Some("a character device"),
        b'4' => Some("a block device"),
        b'5' => Some("a folder"),
        b'6' => Some("a pipe"),
        b'7' => Some("a contiguous file"),
        b'L' | b'K' => Some("a long name"),
        b'S' => Some("a sparse file"),
        b'x' | b'g' => Some("an extended header"),
        _ => Some("an unknown kind of entry"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_with_the_tar_crate() {
        for (path, bytes) in [("canaries.json", 0), ("db/000012.sst", 513), (&*"a".repeat(100), 1 << 40)] {
            let path = EntryPath::new(path).unwrap();
            let bytes_of_header = header(&path, bytes);
            let read = tar::Header::from_byte_slice(&bytes_of_header);
            assert_eq!(&*read.path_bytes(), path.as_str().as_bytes());
            assert_eq!(read.size().unwrap(), bytes);
            assert!(read.entry_type().is_file());
            assert_eq!((read.mode().unwrap(), read.mtime().unwrap()), (0o644, 0));
            assert_eq!((read.uid().unwrap(), read.gid().unwrap()), (0, 0));
        }
    }

    #[test]
    fn a_header_is_accepted_for_its_own_entry_only() {
        let path = EntryPath::new("db/CURRENT").unwrap();
        let other = EntryPath::new("db/IDENTITY").unwrap();
        let found = header(&path, 16);
        assert_eq!(check_header(&found, &path, 16), Ok(()));
        assert_eq!(check_header(&found, &path, 17), Err(HeaderFault::Size { found: 16, recorded: 17 }));
        assert_eq!(check_header(&found, &other, 16), Err(HeaderFault::Path { found: "db/CURRENT".to_owned() }));
    }

    #[test]
    fn every_bit_of_a_header_counts() {
        let path = EntryPath::new("db/CURRENT").unwrap();
        let sound = header(&path, 16);
        for bit in 0..8 * BLOCK_BYTES {
            let mut found = sound;
            found[bit / 8] ^= 1 << (bit % 8);
            assert!(check_header(&found, &path, 16).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn contents_are_padded_to_blocks() {
        assert_eq!([0, 1, 512, 513].map(padded), [0, 512, 512, 1024]);
        assert_eq!(frame_content_bytes(1), 1024);
    }
}

//! Whether it is the dump that makes a preparation fail: then it fails everywhere and always, and another dump is needed.

use super::PrepareError;
use super::settle::SettleError;
use super::trial::Unfit;
use crate::store::StoreError;
use annuli_dump::{ExtractArchiveError, FindDumpError, ReadCanariesError, ReadManifestError};
use std::io;

impl PrepareError {
    pub(super) fn blames_the_dump(&self) -> bool {
        match self {
            Self::Find(error) => match error {
                FindDumpError::Manifest(ReadManifestError::Store(_)) | FindDumpError::Store(_) => false,
                FindDumpError::Absent(_) | FindDumpError::Manifest(_) => true,
            },
            Self::Fetch { reason: ExtractArchiveError::Refused(refused), .. } => {
                refused.unread().is_none_or(is_gone_or_short)
            }
            Self::Canaries { reason: ReadCanariesError::Read(_), .. } => false,
            Self::OtherDump(_) | Self::Canaries { .. } => true,
            Self::Settle { reason, .. } => match reason {
                SettleError::Foreign
                | SettleError::Documents { .. }
                | SettleError::UnknownSegment(_)
                | SettleError::Segment(_) => true,
                SettleError::Store(error) => is_corrupt(error),
                SettleError::Seal(_) | SettleError::Stopped => false,
            },
            Self::Unfit { reason, .. } => match reason {
                Unfit::WrongAnswer(_) | Unfit::Document { .. } | Unfit::Recall { .. } => true,
                Unfit::Store(error) => is_corrupt(error),
                Unfit::Slow(_) | Unfit::Stopped => false,
            },
            Self::Fetch { reason: ExtractArchiveError::Disk(_), .. }
            | Self::OtherGeneration { .. }
            | Self::Disk(_)
            | Self::Folder(_)
            | Self::Open(_)
            | Self::CatchUp(_)
            | Self::Stopped => false,
        }
    }
}

/// A place that was asked often enough and has no more of the archive. Any other trouble may be the network's.
fn is_gone_or_short(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof)
}

fn is_corrupt(error: &StoreError) -> bool {
    match error {
        StoreError::Corrupt { .. } => true,
        StoreError::Full { .. } | StoreError::NewerFormat { .. } | StoreError::Failed { .. } => false,
    }
}

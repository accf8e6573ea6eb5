//! Freshness tokens: what a reply was as of, for the client to give back as `after`.

use crate::error::{ErrorCode, Failure};
use crate::shard_api::Position;
use annuli_core::{HistoryId, IndexUuid, Seq, ShardId};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// What a reply was as of: the index's identity, the topology's epoch, and a position for each shard that it touched.
///
/// Opaque to clients. As bytes: version, index UUID, epoch, then shard, history and seq for each; integers are
/// little-endian; base64 without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsOf {
    /// Identity of the index.
    pub index: IndexUuid,
    /// Of the topology; 0 in one process, where it never changes.
    pub epoch: u64,
    /// The touched shards.
    pub positions: Vec<(ShardId, Position)>,
}

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 1 + 16 + 8;
const POSITION_BYTES: usize = 4 + 16 + 8;

/// A text that is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`after` is no token of this server: give back an `as_of` as it was received")]
pub struct InvalidToken;

impl AsOf {
    /// The token as text.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.positions.len() * POSITION_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.index.0.as_bytes());
        bytes.extend_from_slice(&self.epoch.to_le_bytes());
        for (shard, position) in &self.positions {
            bytes.extend_from_slice(&shard.0.to_le_bytes());
            bytes.extend_from_slice(position.history.0.as_bytes());
            bytes.extend_from_slice(&position.seq.0.to_le_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token of a text.
    pub fn decode(text: &str) -> Result<Self, InvalidToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
        let (head, rest) = bytes.split_at_checked(HEAD_BYTES).ok_or(InvalidToken)?;
        let (positions, []) = rest.as_chunks::<POSITION_BYTES>() else { return Err(InvalidToken) };
        if head[0] != VERSION {
            return Err(InvalidToken);
        }
        let positions = positions.iter().map(|position| {
            let history = HistoryId(Uuid::from_bytes(array(&position[4..20])));
            let seq = Seq(u64::from_le_bytes(array(&position[20..])));
            (ShardId(u32::from_le_bytes(array(&position[..4]))), Position { history, seq })
        });
        Ok(Self {
            index: IndexUuid(Uuid::from_bytes(array(&head[1..17]))),
            epoch: u64::from_le_bytes(array(&head[17..])),
            positions: positions.collect(),
        })
    }

    /// The position that `shard` of the index `index` must have reached; `None` if the token says nothing of it.
    ///
    /// # Errors
    /// `stale_token` when the token is of another index, which may have had the same name.
    pub fn position_of(&self, shard: ShardId, index: IndexUuid) -> Result<Option<Position>, Failure> {
        if self.index != index {
            return Err(Failure::new(
                ErrorCode::StaleToken,
                format_args!(
                    "`after` is of the index with uuid {}, the index of this name now has {index}",
                    self.index
                ),
            ));
        }
        Ok(self.positions.iter().find(|(known, _)| *known == shard).map(|(_, position)| *position))
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().expect("the caller cut a slice of this length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> AsOf {
        let position = |n: u128, seq| Position { history: HistoryId(Uuid::from_u128(n)), seq: Seq(seq) };
        AsOf {
            index: IndexUuid(Uuid::from_u128(7)),
            epoch: 3,
            positions: vec![(ShardId(0), position(8, 1)), (ShardId(5), position(9, u64::MAX))],
        }
    }

    #[test]
    fn a_token_is_read_back() {
        assert_eq!(AsOf::decode(&token().encode()), Ok(token()));
    }

    #[test]
    fn every_cut_of_a_token_is_refused_or_a_shorter_token() {
        let text = token().encode();
        for length in 0..text.len() {
            if let Ok(shorter) = AsOf::decode(&text[..length]) {
                assert!(shorter.positions.len() < 2, "{length}");
            }
        }
        assert_eq!(AsOf::decode("not a token"), Err(InvalidToken));
    }

    #[test]
    fn a_token_of_another_index_is_stale() {
        let failure = token().position_of(ShardId(0), IndexUuid(Uuid::nil())).unwrap_err();
        assert_eq!(failure.code, ErrorCode::StaleToken);
        assert_eq!(token().position_of(ShardId(1), token().index), Ok(None));
    }
}

//! A memory of verified tokens: verifying a signature costs more than everything else together.
//!
//! Only good tokens get in, so a flood of forged ones drives nothing out. What was verified is
//! found again by the whole token, counts only while the same keys are in force, and its times are
//! checked anew. Two generations keep it bounded: when the young one is full the old one is
//! forgotten, and what is used moves to the young one.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::Arc;

use super::rule::Token;
use crate::bytes::same;
use crate::jose::{Jwt, JwtStatus, LastHeader};

/// Verified tokens by rule.
#[derive(Clone, Debug, Default)]
pub struct TokenCache {
    young: Generation,
    old: Generation,
    hits: u64,
    places: Places,
    last_header: LastHeader,
}

/// What is in a cache, and how useful it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenCacheStats {
    /// Tokens that did not have to be verified.
    pub hits: u64,
    /// Tokens in memory.
    pub entries: usize,
    /// Their length together, in bytes; what they say takes a few times as much.
    pub bytes: usize,
}

#[derive(Clone, Debug, Default)]
struct Generation {
    /// By rule, then by place: of two tokens with one place the later stays.
    rules: Vec<HashMap<u64, Entry, BuildHasherDefault<IsPlace>>>,
    entries: usize,
    bytes: usize,
}

#[derive(Clone, Debug)]
struct Entry {
    text: Arc<[u8]>,
    token: Arc<Token>,
    keys: u64,
}

/// Where tokens are kept: a mixture of their last bytes, which are those of the signature and so as
/// good as random; whoever has tokens signed cannot choose them. A secret is mixed in all the same.
#[derive(Clone, Copy, Debug)]
struct Places {
    secret: u64,
}

/// The hasher of what is a hash already.
#[derive(Default)]
struct IsPlace(u64);

/// Each generation holds so many tokens, and so many bytes of them.
const MAX_ENTRIES: usize = 1024;
const MAX_BYTES: usize = 1 << 20;

/// A longer token is verified each time: there would be room for few.
const MAX_TOKEN: usize = 16 * 1024;

impl TokenCache {
    /// The token as rule number `rule` verified it, if it did with the keys of generation `keys`.
    pub fn get(&mut self, rule: usize, token: &[u8], keys: u64) -> Option<Arc<Token>> {
        let place = self.places.of(token);
        let entry = match self.young.get(rule, place, token) {
            Some(entry) => entry,
            None => {
                let entry = self.old.get(rule, place, token)?;
                if entry.keys == keys {
                    let entry = entry.clone();
                    self.put(rule, place, entry);
                }
                self.young.get(rule, place, token)?
            }
        };
        if entry.keys != keys {
            return None;
        }
        self.hits = self.hits.saturating_add(1);
        Some(Arc::clone(&entry.token))
    }

    /// Reads a token that is not remembered.
    pub fn parse<'t>(&mut self, token: &'t [u8]) -> Result<Jwt<'t>, JwtStatus> {
        Jwt::parse_after(token, &mut self.last_header)
    }

    /// Keeps a token that rule number `rule` verified with the keys of generation `keys`.
    pub fn insert(&mut self, rule: usize, token: &[u8], keys: u64, verified: &Arc<Token>) {
        if token.len() <= MAX_TOKEN {
            let entry = Entry {
                text: token.into(),
                token: Arc::clone(verified),
                keys,
            };
            self.put(rule, self.places.of(token), entry);
        }
    }

    /// What is in it.
    pub fn stats(&self) -> TokenCacheStats {
        TokenCacheStats {
            hits: self.hits,
            entries: self.young.entries.saturating_add(self.old.entries),
            bytes: self.young.bytes.saturating_add(self.old.bytes),
        }
    }

    fn put(&mut self, rule: usize, place: u64, entry: Entry) {
        if !self.young.has_room_for(&entry.text) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.put(rule, place, entry);
    }
}

impl Places {
    fn of(self, token: &[u8]) -> u64 {
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let (last, rest) = last_word(token);
        let (before, _) = last_word(rest);
        let mixed = (last ^ self.secret).wrapping_mul(SPREAD) ^ before;
        let mixed = mixed.rotate_left(32).wrapping_mul(SPREAD);
        mixed ^ (mixed >> 32)
    }
}

impl Default for Places {
    fn default() -> Self {
        Self {
            secret: RandomState::new().hash_one(0),
        }
    }
}

impl Hasher for IsPlace {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = last_word(bytes).0;
    }

    fn write_u64(&mut self, place: u64) {
        self.0 = place;
    }
}

/// The last eight bytes, or as many as there are, and those before them.
fn last_word(bytes: &[u8]) -> (u64, &[u8]) {
    match bytes.split_last_chunk() {
        Some((rest, word)) => (u64::from_le_bytes(*word), rest),
        None => {
            let word = bytes
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            (word, &[])
        }
    }
}

impl Generation {
    fn get(&self, rule: usize, place: u64, token: &[u8]) -> Option<&Entry> {
        let entry = self.rules.get(rule)?.get(&place)?;
        same(&entry.text, token).then_some(entry)
    }

    fn has_room_for(&self, token: &[u8]) -> bool {
        self.entries < MAX_ENTRIES && self.bytes.saturating_add(token.len()) <= MAX_BYTES
    }

    fn put(&mut self, rule: usize, place: u64, entry: Entry) {
        if self.rules.len() <= rule {
            self.rules
                .resize_with(rule.saturating_add(1), HashMap::default);
        }
        let Some(tokens) = self.rules.get_mut(rule) else {
            return;
        };
        self.bytes = self.bytes.saturating_add(entry.text.len());
        match tokens.insert(place, entry) {
            None => self.entries = self.entries.saturating_add(1),
            Some(other) => self.bytes = self.bytes.saturating_sub(other.text.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authn::Identity;

    fn verified() -> Arc<Token> {
        Arc::new(Token {
            identity: Arc::new(Identity::default()),
            written: Box::default(),
            validity: Default::default(),
        })
    }

    #[test]
    fn a_token_counts_for_its_rule_and_keys() {
        let mut cache = TokenCache::default();
        cache.insert(1, b"t", 7, &verified());
        assert!(cache.get(1, b"t", 7).is_some());
        for (rule, token, keys) in [(0, b"t", 7), (2, b"t", 7), (1, b"u", 7), (1, b"t", 8)] {
            assert!(
                cache.get(rule, token, keys).is_none(),
                "{rule} {token:?} {keys}"
            );
        }
        // Verified again with new keys.
        cache.insert(1, b"t", 8, &verified());
        assert!(cache.get(1, b"t", 7).is_none());
        assert!(cache.get(1, b"t", 8).is_some());
        let stats = TokenCacheStats {
            hits: 2,
            entries: 1,
            bytes: 1,
        };
        assert_eq!(cache.stats(), stats);
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        for len in [8, MAX_TOKEN] {
            let mut cache = TokenCache::default();
            let token = |number: usize| {
                let mut token = vec![0; len];
                // As in a signature, the last bytes are others.
                token[len - 8..].copy_from_slice(&number.to_le_bytes());
                token
            };
            let used = token(usize::MAX);
            cache.insert(0, &used, 0, &verified());
            for number in 0..5 * MAX_ENTRIES {
                cache.insert(0, &token(number), 0, &verified());
                assert!(cache.get(0, &used, 0).is_some(), "{number}");
            }
            let stats = cache.stats();
            assert!(stats.entries <= 2 * MAX_ENTRIES, "{stats:?}");
            assert!(stats.bytes <= 2 * MAX_BYTES, "{stats:?}");
            assert!(cache.get(0, &token(0), 0).is_none());
        }
    }

    #[test]
    fn a_very_long_token_is_not_kept() {
        let mut cache = TokenCache::default();
        cache.insert(0, &[b'x'; MAX_TOKEN + 1], 0, &verified());
        assert_eq!(cache.stats(), TokenCacheStats::default());
    }
}

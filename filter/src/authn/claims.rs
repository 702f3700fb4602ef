//! Claims that are lists of words.

use crate::json::{Map, Value};

/// The names of the claims whose text is a list of words separated by spaces.
#[derive(Clone, Debug)]
pub struct SpaceDelimited(Vec<String>);

impl SpaceDelimited {
    /// These, and those that Istio always splits.
    pub fn new(claims: &[String]) -> Self {
        let always = ["scope", "permission"].map(str::to_owned);
        Self(always.into_iter().chain(claims.iter().cloned()).collect())
    }

    /// Puts the list of its words in the place of each such text. A text without words stays.
    pub fn split(&self, mut claims: Map) -> Map {
        for name in &self.0 {
            let Some(claim) = claims.get_mut(name) else {
                continue;
            };
            let words: Vec<_> = claim
                .as_str()
                .into_iter()
                .flat_map(|text| text.split(' '))
                .filter(|word| !word.is_empty())
                .map(|word| Value::String(word.into()))
                .collect();
            if !words.is_empty() {
                *claim = Value::List(words);
            }
        }
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    #[test]
    fn texts_become_lists() {
        let rows = [
            (r#"{"scope":"read write"}"#, r#"{"scope":["read","write"]}"#),
            (r#"{"permission":" a  b "}"#, r#"{"permission":["a","b"]}"#),
            (r#"{"roles":"a b"}"#, r#"{"roles":["a","b"]}"#),
            (r#"{"other":"a b"}"#, r#"{"other":"a b"}"#),
            (r#"{"scope":""}"#, r#"{"scope":""}"#),
            (r#"{"scope":" "}"#, r#"{"scope":" "}"#),
            (r#"{"scope":["a b"]}"#, r#"{"scope":["a b"]}"#),
            (r#"{"x":{"scope":"a b"}}"#, r#"{"x":{"scope":"a b"}}"#),
        ];
        let split = SpaceDelimited::new(&["roles".to_owned()]);
        for (before, after) in rows {
            let Value::Object(claims) = parse(before.as_bytes(), 9).unwrap() else {
                panic!("{before}")
            };
            let expected = parse(after.as_bytes(), 9).unwrap();
            assert_eq!(Value::Object(split.split(claims)), expected, "{before}");
        }
    }
}

//! JSON as the engine reads it: no duplicate keys, bounded depth.
//!
//! Two readers that resolve a duplicate key differently see two different documents (RFC 8259
//! section 4, RFC 8725 section 2.4); a document that has one is refused.

mod map;

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
pub use serde_json::Number;
use smol_str::SmolStr;

pub use map::Map;

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; integers keep their 64 bits.
    Number(Number),
    /// A string
    String(SmolStr),
    /// An array
    List(Vec<Value>),
    /// An object
    Object(Map),
}

/// Why a text is not acceptable JSON.
#[derive(Debug)]
pub struct JsonError(serde_json::Error);

/// Reads one JSON value that fills `text` and nests at most `max_depth` arrays and objects.
pub fn parse(text: &[u8], max_depth: usize) -> Result<Value, JsonError> {
    // Once and for all: each string by itself would cost more.
    let text = std::str::from_utf8(text)
        .map_err(|_| JsonError(serde_json::Error::custom("invalid UTF-8")))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Nested { left: max_depth }
        .deserialize(&mut reader)
        .map_err(JsonError)?;
    reader.end().map_err(JsonError)?;
    Ok(value)
}

// === impl Value ===

impl Value {
    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members, when this is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The elements, when this is an array.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// What kind of value this is, in the words of RFC 8259.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::List(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(value) => value.serialize(serializer),
            Self::String(value) => serializer.serialize_str(value),
            Self::List(value) => value.serialize(serializer),
            Self::Object(value) => value.serialize(serializer),
        }
    }
}

// === impl JsonError ===

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for JsonError {}

/// A value that may nest `left` levels more.
struct Nested {
    left: usize,
}

impl Nested {
    fn inner<E: serde::de::Error>(&self) -> Result<Nested, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Nested { left }),
            None => Err(E::custom("nested too deeply")),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(self.inner()?)? {
            list.push(value);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(Name(name)) = access.next_key()? {
            members.push((name, access.next_value_seed(self.inner()?)?));
        }
        let map = Map::new(members)
            .map_err(|name| A::Error::custom(format_args!("duplicate key `{name}`")))?;
        Ok(Value::Object(map))
    }
}

/// The name of a member.
struct Name(SmolStr);

impl<'de> serde::Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        let rows: &[(&str, bool)] = &[
            (r#"{"a":1,"b":[true,null,"x"]}"#, true),
            ("18446744073709551615", true),
            (r#"{"a":1,"a":2}"#, false),
            (r#"{"o":{"a":1,"a":1}}"#, false),
            (r#"{"a":1} x"#, false),
            (r#"{"a":1,}"#, false),
            ("{'a':1}", false),
            ("NaN", false),
            ("", false),
            ("[[[1]]]", true),
            ("[[[[1]]]]", false),
            ("\"\u{1}\"", false),
        ];
        for (text, accepted) in rows {
            assert_eq!(parse(text.as_bytes(), 3).is_ok(), *accepted, "{text}");
        }
        assert!(parse(b"\"\xff\"", 3).is_err(), "invalid UTF-8");
    }

    #[test]
    fn integers_keep_their_bits() {
        let Ok(Value::Number(number)) = parse(b"9007199254740993", 1) else {
            panic!()
        };
        assert_eq!(number.as_i64(), Some(9_007_199_254_740_993));
    }
}

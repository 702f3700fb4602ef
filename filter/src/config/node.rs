//! A strict reader of configuration: every value knows its path, nothing unknown passes.

use std::collections::BTreeMap;
use std::fmt;

use super::ConfigError;
use crate::json::{Map, Value};

/// A value of the configuration and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    value: &'a Value,
    path: Path<'a>,
}

/// An object of the configuration whose keys are all known.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    map: &'a Map,
    node: &'a Node<'a>,
}

/// Where a value stands, such as `resources[0].spec.action`.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Root,
    Key(&'a str),
    Index(usize),
}

// === impl Node ===

impl<'a> Node<'a> {
    /// The whole document.
    pub fn root(value: &'a Value) -> Self {
        Self {
            value,
            path: Path {
                parent: None,
                step: Step::Root,
            },
        }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// Where it stands.
    pub fn path(&self) -> Path<'a> {
        self.path
    }

    /// An error at this value.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(self.path, message)
    }

    /// An object that has no other keys than `known`.
    pub fn object(&'a self, known: &[&str]) -> Result<Fields<'a>, ConfigError> {
        let fields = self.open_object()?;
        match fields.map.keys().find(|key| !known.contains(key)) {
            None => Ok(fields),
            Some(key) => {
                let error = ConfigError::new(
                    Path {
                        parent: Some(&self.path),
                        step: Step::Key(key),
                    },
                    format!("unknown field `{key}`"),
                );
                Err(error.help(match closest(key, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("known fields here: {}", known.join(", ")),
                }))
            }
        }
    }

    /// An object whose keys are free.
    pub fn open_object(&'a self) -> Result<Fields<'a>, ConfigError> {
        match self.value {
            Value::Object(map) => Ok(Fields { map, node: self }),
            other => Err(self.wrong_type("an object", other)),
        }
    }

    /// The elements of an array.
    pub fn list(&'a self) -> Result<impl Iterator<Item = Node<'a>>, ConfigError> {
        match self.value {
            Value::List(list) => Ok(list.iter().enumerate().map(|(index, value)| Node {
                value,
                path: Path {
                    parent: Some(&self.path),
                    step: Step::Index(index),
                },
            })),
            other => Err(self.wrong_type("an array", other)),
        }
    }

    /// An array of strings.
    pub fn strings(&'a self) -> Result<Vec<String>, ConfigError> {
        self.list()?
            .map(|node| node.string().map(str::to_owned))
            .collect()
    }

    /// A string.
    pub fn string(&self) -> Result<&'a str, ConfigError> {
        match self.value {
            Value::String(text) => Ok(text),
            other => Err(match other {
                Value::Bool(_) | Value::Number(_) => {
                    self.wrong_type("a string", other).help("put it in quotes")
                }
                _ => self.wrong_type("a string", other),
            }),
        }
    }

    /// A boolean.
    pub fn boolean(&self) -> Result<bool, ConfigError> {
        match self.value {
            Value::Bool(value) => Ok(*value),
            other => Err(self.wrong_type("a boolean", other)),
        }
    }

    /// An integer; an integral float counts (a protobuf `Struct` knows no other number).
    pub fn integer(&self) -> Result<i64, ConfigError> {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let Value::Number(number) = self.value else {
            return Err(self.wrong_type("an integer", self.value));
        };
        let integral = |value: &f64| value.fract() == 0.0 && value.abs() <= EXACT;
        #[allow(
            clippy::cast_possible_truncation,
            reason = "integral and within the exact range of a double"
        )]
        let from_float = || number.as_f64().filter(integral).map(|value| value as i64);
        number
            .as_i64()
            .or_else(from_float)
            .ok_or_else(|| self.error(format!("`{number}` is not an integer")))
    }

    /// An object whose values are strings.
    pub fn string_map(&'a self) -> Result<BTreeMap<String, String>, ConfigError> {
        self.open_object()?
            .iter()
            .map(|(key, node)| Ok((key.to_owned(), node.string()?.to_owned())))
            .collect()
    }

    fn wrong_type(&self, wanted: &str, got: &Value) -> ConfigError {
        self.error(format!("must be {wanted}, not {}", got.kind()))
    }
}

// === impl Fields ===

impl<'a> Fields<'a> {
    /// The field `key`; `null` counts as absent, as in Kubernetes objects.
    pub fn get(&self, key: &'a str) -> Option<Node<'a>> {
        match self.map.get(key) {
            None | Some(Value::Null) => None,
            Some(value) => Some(self.node_at(key, value)),
        }
    }

    /// The field `key`, which must be there.
    pub fn require(&self, key: &'a str) -> Result<Node<'a>, ConfigError> {
        self.get(key).ok_or_else(|| {
            self.node
                .error(format!("`{key}` is missing"))
                .help(format!("add `{key}`"))
        })
    }

    /// Every field that is there, in the order of the names.
    pub fn iter(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.map
            .iter()
            .map(move |(key, value)| (key, self.node_at(key, value)))
    }

    /// The object itself.
    pub fn node(&self) -> &'a Node<'a> {
        self.node
    }

    fn node_at(&self, key: &'a str, value: &'a Value) -> Node<'a> {
        Node {
            value,
            path: Path {
                parent: Some(&self.node.path),
                step: Step::Key(key),
            },
        }
    }
}

// === impl Path ===

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => match self.parent {
                None
                | Some(Path {
                    step: Step::Root, ..
                }) => f.write_str(key),
                Some(_) => write!(f, ".{key}"),
            },
        }
    }
}

/// The known name that `key` most likely stands for.
fn closest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|name| (distance(&key.to_lowercase(), &name.to_lowercase()), *name))
        .filter(|(distance, name)| distance.saturating_mul(3) <= name.len().max(3))
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein distance in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut left = i.saturating_add(1);
        let mut diagonal = i;
        let (first, rest) = match row.split_first_mut() {
            Some(parts) => parts,
            None => return usize::MAX,
        };
        *first = left;
        for (cell, y) in rest.iter_mut().zip(b.bytes()) {
            let substitute = diagonal.saturating_add(usize::from(x != y));
            diagonal = *cell;
            left = substitute
                .min(left.saturating_add(1))
                .min(cell.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse;

    fn refused(text: &str, known: &[&str]) -> String {
        let value = parse(text.as_bytes(), 8).unwrap();
        Node::root(&value).object(known).unwrap_err().to_string()
    }

    #[test]
    fn unknown_fields_name_their_path_and_the_fix() {
        let known = ["principals", "notPrincipals", "namespaces"];
        let rows = [
            (
                r#"{"principal":[]}"#,
                "principal: unknown field `principal`; did you mean `principals`?",
            ),
            (
                r#"{"notprincipals":[]}"#,
                "notprincipals: unknown field `notprincipals`; did you mean `notPrincipals`?",
            ),
            (
                r#"{"x":1}"#,
                "x: unknown field `x`; known fields here: principals, notPrincipals, namespaces",
            ),
            ("[]", "must be an object, not an array"),
        ];
        for (text, error) in rows {
            assert_eq!(refused(text, &known), error);
        }
    }

    #[test]
    fn numbers_may_arrive_as_integral_floats() {
        for (text, integer) in [("8080", Some(8080)), ("8080.0", Some(8080)), ("1.5", None)] {
            let value = parse(text.as_bytes(), 1).unwrap();
            assert_eq!(Node::root(&value).integer().ok(), integer, "{text}");
        }
    }

    #[test]
    fn paths_read_like_the_yaml() {
        let value = parse(br#"{"a":[{"b":{"c":1}}]}"#, 8).unwrap();
        let root = Node::root(&value);
        let a = root.open_object().unwrap().get("a").unwrap();
        let first = a.list().unwrap().next().unwrap();
        let b = first.open_object().unwrap().get("b").unwrap();
        let c = b.open_object().unwrap().get("c").unwrap();
        assert_eq!(
            c.string().unwrap_err().to_string(),
            "a[0].b.c: must be a string, not a number; put it in quotes"
        );
    }
}

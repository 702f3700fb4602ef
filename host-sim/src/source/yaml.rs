//! YAML as Kubernetes reads it, with the place of everything in the file.
//!
//! Plain scalars have the types of YAML 1.1, as in the Kubernetes API: an unquoted `true`, `no` or
//! `8080` is no string, and where a string is wanted it is refused instead of guessed.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, SpannedEventReceiver};
use serde_json::{Map, Number, Value};

use super::error::SourceError;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub value: Value,
    /// The place of every value, by its path such as `spec.rules[0]`.
    pub places: BTreeMap<String, Place>,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

/// More values than any policy has; an alias bomb has more.
const MAX_VALUES: usize = 2_000_000;

/// Reads every document of `text`, which is the content of `file`.
///
/// # Errors
/// When it is not YAML, or a key is there twice.
pub fn read(file: &str, text: &str) -> Result<Vec<Document>, SourceError> {
    let mut builder = Builder::default();
    let error = |place: Place, message: String| SourceError::at(file, text, place, message);
    Parser::new_from_str(text)
        .load(&mut builder, true)
        .map_err(|problem| {
            let place = Place {
                line: problem.marker().line(),
                column: problem.marker().col() + 1,
            };
            error(place, problem.info().to_owned())
        })?;
    if let Some((place, message)) = builder.problem {
        return Err(error(place, message));
    }
    Ok(builder.documents.into_iter().map(Document::new).collect())
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    place: Place,
}

#[derive(Clone, Debug)]
enum Kind {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

#[derive(Default)]
struct Builder {
    documents: Vec<Node>,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Node>,
    values: usize,
    problem: Option<(Place, String)>,
}

/// A list or map that is not complete yet.
struct Open {
    node: Node,
    anchor: usize,
    key: Option<String>,
}

// === impl Document ===

impl Document {
    fn new(root: Node) -> Self {
        let mut places = BTreeMap::new();
        let value = root.into_value("", &mut places);
        Self { value, places }
    }
}

// === impl Node ===

impl Node {
    fn into_value(self, path: &str, places: &mut BTreeMap<String, Place>) -> Value {
        places.insert(path.to_owned(), self.place);
        match self.kind {
            Kind::Scalar(value) => value,
            Kind::List(list) => list
                .into_iter()
                .enumerate()
                .map(|(index, node)| node.into_value(&format!("{path}[{index}]"), places))
                .collect(),
            Kind::Map(entries) => {
                let mut map = Map::new();
                for (key, node) in entries {
                    let dot = if path.is_empty() { "" } else { "." };
                    let value = node.into_value(&format!("{path}{dot}{key}"), places);
                    map.insert(key, value);
                }
                map.into()
            }
        }
    }

    fn count(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar(_) => 0,
            Kind::List(list) => list.iter().map(Self::count).sum(),
            Kind::Map(entries) => entries.iter().map(|(_, node)| node.count()).sum(),
        }
    }
}

// === impl Builder ===

impl<'input> SpannedEventReceiver<'input> for Builder {
    fn on_event(&mut self, event: Event<'input>, span: Span) {
        let place = Place {
            line: span.start.line(),
            column: span.start.col() + 1,
        };
        if self.problem.is_some() {
            return;
        }
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = match (style, tag) {
                    (ScalarStyle::Plain, None) => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                self.add(
                    Node {
                        kind: Kind::Scalar(value),
                        place,
                    },
                    anchor,
                );
            }
            Event::SequenceStart(anchor, _) => self.begin(Kind::List(Vec::new()), place, anchor),
            Event::MappingStart(anchor, _) => self.begin(Kind::Map(Vec::new()), place, anchor),
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    self.add(open.node, open.anchor);
                }
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.add(node, 0),
                None => self.problem = Some((place, "an alias of nothing".to_owned())),
            },
            Event::DocumentEnd => self.anchors.clear(),
            _ => {}
        }
    }
}

impl Builder {
    fn begin(&mut self, kind: Kind, place: Place, anchor: usize) {
        self.open.push(Open {
            node: Node { kind, place },
            anchor,
            key: None,
        });
    }

    fn add(&mut self, node: Node, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.values += node.count().min(MAX_VALUES);
        if self.values > MAX_VALUES {
            self.problem = Some((node.place, "too many values".to_owned()));
            return;
        }
        let Some(open) = self.open.last_mut() else {
            self.documents.push(node);
            return;
        };
        match (&mut open.node.kind, open.key.take()) {
            (Kind::List(list), _) => list.push(node),
            (Kind::Map(entries), Some(key)) => entries.push((key, node)),
            (Kind::Map(entries), None) => match key(&node) {
                Some(key) if entries.iter().any(|(known, _)| *known == key) => {
                    self.problem = Some((node.place, format!("the key `{key}` is there twice")));
                }
                Some(key) => open.key = Some(key),
                None => self.problem = Some((node.place, "a key must be a scalar".to_owned())),
            },
            (Kind::Scalar(_), _) => {}
        }
    }
}

/// Kubernetes makes strings of all keys, such as ports.
fn key(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Scalar(Value::String(text)) => Some(text.clone()),
        Kind::Scalar(value) => Some(value.to_string()),
        _ => None,
    }
}

/// The type of a plain scalar.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Value::Number(integer.into());
    }
    let numeric = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.bytes().any(|byte| byte.is_ascii_digit());
    let float = numeric
        .then(|| text.parse().ok().and_then(Number::from_f64))
        .flatten();
    float.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_have_the_types_of_the_kubernetes_api() {
        let text = "a: [true, no, 8080, 1.5, x, '8080', \"no\", 10.0.0.1, 1e3, ~, -, +5]";
        let documents = read("f", &text.replace(" -,", "")).unwrap();
        let expected = json!({"a": [true, false, 8080, 1.5, "x", "8080", "no", "10.0.0.1", 1000.0,
            null, 5]});
        assert_eq!(documents[0].value, expected);
    }

    #[test]
    fn everything_has_a_place() {
        let text =
            "# comment\nspec:\n  rules:\n  - to:\n    - operation: {methods: [GET]}\n---\nb: 1\n";
        let documents = read("f", text).unwrap();
        let at = |path: &str| {
            documents[0]
                .places
                .get(path)
                .map(|place| (place.line, place.column))
        };
        assert_eq!(at("spec.rules[0]"), Some((4, 5)));
        assert_eq!(at("spec.rules[0].to[0].operation.methods"), Some((5, 28)));
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[1].places["b"].line, 7);
    }

    #[test]
    fn mistakes_are_refused_with_their_place() {
        let rows = [
            ("a: 1\na: 2\n", "f:2:1"),
            ("a: [1\n", "f:2:1"),
            ("a: *x\n", "f:1:4"),
            ("[1]: 2\n", "f:1:1"),
        ];
        for (text, place) in rows {
            let error = read("f", text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
    }
}

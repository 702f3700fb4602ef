//! YAML for people to read: block style, stable order, with comments.

use serde_json::Value;

/// The key under which an object or list entry carries its comment.
pub const COMMENT: &str = "#";

/// Keys that stand before the others of their object.
const FIRST: [&str; 3] = ["@type", "name", "address"];

/// The text of a document. An object's key [`COMMENT`] becomes a comment above its other keys.
pub fn write(value: &Value) -> String {
    let mut text = String::new();
    write_block(value, 0, &mut text);
    text
}

fn write_block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) => {
            if let Some(comment) = map.get(COMMENT).and_then(Value::as_str) {
                for line in comment.lines() {
                    push(text, indent, &format!("# {line}\n"));
                }
            }
            let rank = |key: &str| FIRST.iter().position(|first| *first == key);
            let mut keys: Vec<&String> = map.keys().filter(|key| *key != COMMENT).collect();
            keys.sort_by_key(|key| (rank(key).unwrap_or(FIRST.len()), *key));
            for key in keys {
                push(
                    text,
                    indent,
                    &format!("{}:", scalar(&Value::from(key.as_str()), true)),
                );
                write_value(&map[key], indent + 2, text);
            }
        }
        Value::Array(list) => {
            for item in list {
                if let Some(comment) = item.get(COMMENT).and_then(Value::as_str) {
                    for line in comment.lines() {
                        push(text, indent, &format!("# {line}\n"));
                    }
                }
                match item {
                    Value::Object(map) if map.keys().any(|key| key != COMMENT) => {
                        let mut map = map.clone();
                        map.remove(COMMENT);
                        let mut inner = String::new();
                        write_block(&Value::Object(map), indent + 2, &mut inner);
                        push(text, indent, "- ");
                        text.push_str(inner.trim_start());
                    }
                    other => {
                        push(text, indent, "-");
                        write_value(other, indent + 2, text);
                    }
                }
            }
        }
        other => push(text, indent, &format!("{}\n", scalar(other, false))),
    }
}

/// A value after its key or dash.
fn write_value(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if map.keys().all(|key| key == COMMENT) => text.push_str(" {}\n"),
        Value::Array(list) if list.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            write_block(value, indent, text);
        }
        Value::String(string) if is_block(string) => {
            text.push_str(" |-\n");
            for line in string.lines() {
                push(text, if line.is_empty() { 0 } else { indent }, line);
                text.push('\n');
            }
        }
        other => {
            text.push(' ');
            text.push_str(&scalar(other, false));
            text.push('\n');
        }
    }
}

fn push(text: &mut String, indent: usize, what: &str) {
    text.extend(std::iter::repeat_n(' ', indent));
    text.push_str(what);
}

/// A text of several lines that a literal block keeps as it is.
fn is_block(text: &str) -> bool {
    let clean = text
        .chars()
        .all(|c| c == '\n' || (!c.is_control() && c != '\u{feff}'));
    text.contains('\n') && clean && !text.ends_with('\n') && !text.starts_with([' ', '\n'])
}

/// A scalar; a string is quoted where YAML might take it for anything else.
fn scalar(value: &Value, key: bool) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(word)
        && (key || !is_word_of_yaml(text));
    if plain {
        text.clone()
    } else {
        value.to_string()
    }
}

/// Words that YAML 1.1 reads as booleans or null.
fn is_word_of_yaml(text: &str) -> bool {
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_written_reads_the_same() {
        let value = json!({
            "name": "a b", "@type": "x.y/z", "empty": {}, "none": [], "list": [1, "no", null, [1]],
            "nested": [{"a": {"b": "1"}}, {"c": "x: y # z"}], "8080": true,
            "text": "{\n  \"a\": [\"\\n\"]\n}", "odd": " lead\nx", "quote": "it's \"so\"\t",
        });
        let text = write(&value);
        let documents = crate::source::yaml::read("f", &text).unwrap();
        assert_eq!(documents[0].value, value, "{text}");
    }

    #[test]
    fn comments_stand_above() {
        let value = json!({"#": "top", "l": [{"#": "first\nsecond", "b": 1, "name": "x"}]});
        assert_eq!(
            write(&value),
            "# top\nl:\n  # first\n  # second\n  - name: x\n    b: 1\n"
        );
    }
}

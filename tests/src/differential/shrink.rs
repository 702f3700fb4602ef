//! Making a disagreement small: every JSON value that is a little less than this one.

use serde_json::Value;

/// The values that differ from `value` by one element or member less, outermost first.
pub fn smaller(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(list) => without_one(list.len(), |index| {
            let mut less = list.clone();
            less.remove(index);
            Value::Array(less)
        })
        .chain(list.iter().enumerate().flat_map(|(index, inner)| {
            smaller(inner).into_iter().map(move |inner| {
                let mut less = list.clone();
                less[index] = inner;
                Value::Array(less)
            })
        }))
        .collect(),
        Value::Object(map) => map
            .keys()
            .map(|key| {
                let mut less = map.clone();
                less.remove(key);
                Value::Object(less)
            })
            .chain(map.iter().flat_map(|(key, inner)| {
                smaller(inner).into_iter().map(move |inner| {
                    let mut less = map.clone();
                    less.insert(key.clone(), inner);
                    Value::Object(less)
                })
            }))
            .collect(),
        _ => Vec::new(),
    }
}

fn without_one<F: Fn(usize) -> Value>(len: usize, less: F) -> impl Iterator<Item = Value> {
    (0..len).map(less)
}

#[cfg(test)]
mod tests {
    use super::smaller;
    use serde_json::json;

    #[test]
    fn one_less_at_every_level() {
        let all = smaller(&json!({"a": [1, 2], "b": {"c": 3}}));
        for expected in [
            json!({"b": {"c": 3}}),
            json!({"a": [1, 2]}),
            json!({"a": [2], "b": {"c": 3}}),
            json!({"a": [1], "b": {"c": 3}}),
            json!({"a": [1, 2], "b": {}}),
        ] {
            assert!(all.contains(&expected), "{expected}");
        }
        assert_eq!(all.len(), 5);
    }
}

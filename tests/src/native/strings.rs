//! Istio's string patterns as Envoy's matchers.

use serde_json::{Value, json};

/// A `StringMatcher` for `x`, `x*`, `*x` and `*`.
pub fn string(pattern: &str) -> Value {
    match pattern {
        "*" => json!({"safe_regex": {"regex": ".+"}}),
        _ => match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(suffix), _) => json!({"suffix": suffix}),
            (None, Some(prefix)) => json!({"prefix": prefix}),
            (None, None) => json!({"exact": pattern}),
        },
    }
}

/// A `StringMatcher` for a principal: the SPIFFE scheme goes in front.
pub fn principal(pattern: &str) -> Value {
    match pattern.strip_prefix('*') {
        Some("") => json!({"safe_regex": {"regex": ".+"}}),
        Some(suffix) => json!({"safe_regex": {"regex": format!("spiffe://.*{}", quote(suffix))}}),
        None => string(&format!("spiffe://{pattern}")),
    }
}

/// A `HeaderMatcher`.
pub fn header(name: &str, pattern: &str, ignore_case: bool) -> Value {
    if pattern == "*" {
        return json!({"name": name, "present_match": true});
    }
    let mut matcher = string(pattern);
    if ignore_case {
        matcher["ignore_case"] = true.into();
    }
    json!({"name": name, "string_match": matcher})
}

/// `text` as a regular expression that matches only itself.
pub fn quote(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let special = r"\.+*?()|[]{}^$".contains(char);
            special.then_some('\\').into_iter().chain([char])
        })
        .collect()
}

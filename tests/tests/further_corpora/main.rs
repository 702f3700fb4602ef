//! Further suites and tables in a folder `shared/corpus` beside the checkout, or where the variable
//! `PALISADE_CORPORA` says; where there is none, there is nothing to show. The corpus of this
//! repository covers the same ground.

mod authorizers;
mod golden;
mod known;
mod peer_authentication;
mod rbac;
mod scoping;
mod signatures;
mod suites;
mod trust_domains;
mod validation;

use std::path::PathBuf;

use palisade_tests::{Error, repository};
use serde_json::Value;

fn corpora() -> Option<PathBuf> {
    let folder = match std::env::var_os("PALISADE_CORPORA") {
        Some(folder) => PathBuf::from(folder),
        None => repository().join("../shared/corpus"),
    };
    folder.is_dir().then_some(folder)
}

/// The whole of a raw table; `None` where there is no folder.
fn document(name: &str) -> Result<Option<Value>, Error> {
    let Some(folder) = corpora() else {
        return Ok(None);
    };
    let text = std::fs::read(folder.join("raw").join(name))?;
    Ok(Some(serde_json::from_slice(&text)?))
}

/// The rows of a raw table; none where there is no folder.
fn rows(name: &str) -> Result<Vec<Value>, Error> {
    Ok(match document(name)? {
        Some(Value::Array(rows)) => rows,
        Some(mut table) => match table["cases"].take() {
            Value::Array(rows) => rows,
            _ => return Err(format!("{name} has no rows").into()),
        },
        None => Vec::new(),
    })
}

/// Its name, for messages.
fn name(row: &Value) -> &str {
    row["name"].as_str().unwrap_or_default()
}

/// The strings of a list.
fn texts(list: &Value) -> impl Iterator<Item = &str> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str)
}

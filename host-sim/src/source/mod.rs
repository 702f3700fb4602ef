//! Policy files: unmodified Istio YAML, with the place of everything.

mod error;
pub mod yaml;

pub use error::SourceError;
pub use yaml::{Document, Place};

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The kinds that decide about requests; others are passed over.
const KINDS: [&str; 2] = ["RequestAuthentication", "AuthorizationPolicy"];

/// An Istio object and where it was written.
#[derive(Clone, Debug)]
pub struct Object {
    /// The object.
    pub value: Value,
    /// Its file.
    pub file: String,
    /// The text of that file.
    text: String,
    document: Document,
    /// The path of the object in its document.
    prefix: String,
}

/// The objects of some files.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Those that decide about requests, in the order of the files.
    pub objects: Vec<Object>,
    /// How many of other kinds there were.
    pub ignored: usize,
    /// Whether objects of every kind are wanted.
    any_kind: bool,
}

// === impl Sources ===

impl Sources {
    /// None yet, and objects of any kind are to be added.
    pub fn of_any_kind() -> Self {
        Self {
            any_kind: true,
            ..Self::default()
        }
    }

    /// Reads files, folders (with everything below them) and, for `-`, standard input.
    ///
    /// # Errors
    /// When one cannot be read, or is not YAML.
    pub fn load(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let mut sources = Self::default();
        for path in paths {
            sources.add_path(path)?;
        }
        Ok(sources)
    }

    /// Adds the objects of a file or folder.
    ///
    /// # Errors
    /// As [`Sources::load`].
    pub fn add_path(&mut self, path: &Path) -> Result<(), SourceError> {
        let name = path.display().to_string();
        if name == "-" {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| SourceError::new("standard input", error.to_string()))?;
            return self.add_text("standard input", &text);
        }
        if path.is_dir() {
            for file in files_below(path)? {
                self.add_path(&file)?;
            }
            return Ok(());
        }
        let text = fs::read_to_string(path)
            .map_err(|error| SourceError::new(&*name, error.to_string()))?;
        self.add_text(&name, &text)
    }

    /// Adds the objects in `text`, the content of `file`.
    ///
    /// # Errors
    /// When it is not YAML.
    pub fn add_text(&mut self, file: &str, text: &str) -> Result<(), SourceError> {
        for document in yaml::read(file, text)? {
            self.add(file, text, &document, "");
        }
        Ok(())
    }

    /// Adds the object, or list of objects, at `prefix` in a document.
    pub fn add(&mut self, file: &str, text: &str, document: &Document, prefix: &str) {
        let pointer = format!("/{}", prefix.replace(['.', '['], "/").replace(']', ""));
        let value = match prefix {
            "" => &document.value,
            _ => document.value.pointer(&pointer).unwrap_or(&Value::Null),
        };
        if let Some(items) = value["items"].as_array().filter(|_| is_list(value)) {
            let dot = if prefix.is_empty() { "" } else { "." };
            for index in 0..items.len() {
                self.add(
                    file,
                    text,
                    document,
                    &format!("{prefix}{dot}items[{index}]"),
                );
            }
            return;
        }
        let kind = value["kind"].as_str().unwrap_or_default();
        if KINDS.contains(&kind) || (self.any_kind && !value.is_null()) {
            self.objects.push(Object {
                value: value.clone(),
                file: file.to_owned(),
                text: text.to_owned(),
                document: document.clone(),
                prefix: prefix.to_owned(),
            });
        } else if !value.is_null() {
            self.ignored += 1;
        }
    }

    /// The objects as the filter takes them.
    pub fn values(&self) -> Vec<Value> {
        self.objects
            .iter()
            .map(|object| object.value.clone())
            .collect()
    }

    /// An error of the filter, which names `resources[3].spec...`, at its place in the file.
    pub fn locate(&self, message: &str) -> Option<SourceError> {
        let rest = message.split("resources[").nth(1)?;
        let (index, rest) = rest.split_once(']')?;
        let object = self.objects.get(index.parse::<usize>().ok()?)?;
        let (path, what) = rest.split_once(": ")?;
        let path = path.strip_prefix('.').unwrap_or(path);
        Some(SourceError::at(
            &object.file,
            &object.text,
            object.place(path),
            format!("{path}: {what}"),
        ))
    }

    /// The object `kind` `namespace/name`.
    pub fn find(&self, kind: &str, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| {
            let metadata = &object.value["metadata"];
            let namespace = metadata["namespace"].as_str().unwrap_or("default");
            object.value["kind"] == *kind
                && metadata["name"]
                    .as_str()
                    .is_some_and(|own| format!("{namespace}/{own}") == name)
        })
    }
}

// === impl Object ===

impl Object {
    /// The place of `path` in the file, or of the nearest thing around it.
    pub fn place(&self, path: &str) -> Place {
        let dot = if self.prefix.is_empty() || path.is_empty() {
            ""
        } else {
            "."
        };
        let mut path = format!("{}{dot}{path}", self.prefix);
        loop {
            if let Some(place) = self.document.places.get(&path) {
                return *place;
            }
            let cut = path.rfind(['.', '[']).unwrap_or(0);
            path.truncate(cut);
        }
    }

    /// `file:line` of the object, the file as it is called in `folder`.
    pub fn at_below(&self, folder: &Path) -> String {
        let file = Path::new(&self.file);
        let file = file.strip_prefix(folder).unwrap_or(file);
        format!("{}:{}", file.display(), self.place("").line)
    }

    /// An error at `path`.
    pub fn error(&self, path: &str, message: impl ToString) -> SourceError {
        SourceError::at(
            &self.file,
            &self.text,
            self.place(path),
            message.to_string(),
        )
    }

    /// `file:line` of `path`.
    pub fn at(&self, path: &str) -> String {
        format!("{}:{}", self.file, self.place(path).line)
    }
}

fn is_list(value: &Value) -> bool {
    value["kind"]
        .as_str()
        .is_some_and(|kind| kind.ends_with("List"))
}

/// The YAML and JSON files below a folder, in the order of their names; suites are no policies.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let problem =
        |error: std::io::Error| SourceError::new(folder.display().to_string(), error.to_string());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(problem)? {
        let path = entry.map_err(problem)?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else if is_policy_file(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_policy_file(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    matches!(extension, Some("yaml" | "yml" | "json")) && !stem.ends_with("_test")
}

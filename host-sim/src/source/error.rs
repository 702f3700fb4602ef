//! What is wrong with a file, and where.

use std::fmt;

use super::yaml::Place;

/// A file that cannot be used; shown with the line itself.
#[derive(Clone, Debug)]
pub struct SourceError {
    file: String,
    place: Option<Place>,
    message: String,
    line: Option<String>,
}

impl SourceError {
    /// An error about a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            place: None,
            message: message.into(),
            line: None,
        }
    }

    /// An error at a place in the text of a file.
    pub fn at(file: &str, text: &str, place: Place, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            place: Some(place),
            message: message.into(),
            line: text
                .lines()
                .nth(place.line.saturating_sub(1))
                .map(str::to_owned),
        }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        let Some(Place { line, column }) = self.place else {
            return write!(f, ": {}", self.message);
        };
        write!(f, ":{line}:{column}: {}", self.message)?;
        match &self.line {
            Some(text) => {
                let indent = " ".repeat(column.saturating_sub(1));
                write!(f, "\n{line:5} | {text}\n      | {indent}^")
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for SourceError {}

//! Path normalization, in the steps and the order of Envoy 1.40.
//! Source: Envoy, `HttpConnectionManager` (`normalize_path`, `merge_slashes`,
//! `path_with_escaped_slashes_action`); observed on Envoy 1.40.0.

use std::borrow::Cow;

use super::Refusal;
use super::canonical::canonical;
use crate::engine::Mesh;

/// Istio's `meshConfig.pathNormalization.normalization`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PathNormalization {
    /// Paths stay as they are.
    None,
    /// RFC 3986 (`normalize_path`).
    #[default]
    Base,
    /// And `//` becomes `/`.
    MergeSlashes,
    /// And before that `%2F` and `%5C` are decoded.
    DecodeAndMergeSlashes,
}

impl PathNormalization {
    /// The option of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "NONE" => Self::None,
            "BASE" | "DEFAULT" => Self::Base,
            "MERGE_SLASHES" => Self::MergeSlashes,
            "DECODE_AND_MERGE_SLASHES" => Self::DecodeAndMergeSlashes,
            _ => return None,
        })
    }
}

/// The `:path` that filters and the application get.
pub(super) fn normalize(target: &str, mesh: &Mesh) -> Result<String, Refusal> {
    if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refusal::PathCharacter);
    }
    let target = match target.split_once('#') {
        Some(_) if mesh.reject_path_with_fragment => return Err(Refusal::Fragment),
        Some((target, _)) => target,
        None => target,
    };
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let path = match mesh.path_normalization {
        PathNormalization::None => path.to_owned(),
        PathNormalization::Base => resolve(path)?,
        PathNormalization::MergeSlashes => merge_slashes(&resolve(path)?),
        PathNormalization::DecodeAndMergeSlashes => merge_slashes(&resolve(&decode_slashes(path))?),
    };
    Ok(path + query)
}

fn decode_slashes(path: &str) -> String {
    path.replace("%2f", "/")
        .replace("%2F", "/")
        .replace("%5c", "\\")
        .replace("%5C", "\\")
}

fn resolve(path: &str) -> Result<String, Refusal> {
    canonical(&without_parameters_of_dots(path)).ok_or(Refusal::PathCharacter)
}

/// Dot segments lose their parameters: `/x/..;a=b/y` is `/x/../y`. Only where the dots are
/// literal and the segment stands between slashes: `%2e%2e;` and `\..;` are none.
fn without_parameters_of_dots(path: &str) -> Cow<'_, str> {
    if !path.contains(".;") {
        return path.into();
    }
    let segments = path
        .split('/')
        .map(|segment| match segment.split_once(';') {
            Some((dots @ ("." | ".."), _)) => dots,
            _ => segment,
        });
    segments.collect::<Vec<_>>().join("/").into()
}

/// Leaves no empty segment. A path of nothing but several slashes stays `//`: Envoy keeps the
/// first and the last one.
fn merge_slashes(path: &str) -> String {
    if !path.contains("//") {
        return path.to_owned();
    }
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let end = if path.ends_with('/') { "/" } else { "" };
    format!("/{}{end}", segments.join("/"))
}

//! Path normalization, as Envoy 1.40 does it.

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

/// The `:path` that filters and the application get; `None` where Envoy answers 400.
pub(super) fn normalize(target: &str, mesh: &Mesh) -> Option<String> {
    if target.bytes().any(|byte| byte <= b' ' || byte >= 0x7f) {
        return None;
    }
    let (target, fragment) = match target.split_once('#') {
        Some((target, _)) => (target, true),
        None => (target, false),
    };
    if fragment && mesh.reject_path_with_fragment {
        return None;
    }
    if mesh.path_normalization == PathNormalization::None {
        return Some(target.to_owned());
    }
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    // `*` of OPTIONS, and the authority of CONNECT.
    if !path.starts_with(['/', '\\', '%']) {
        return None;
    }
    let decode = mesh.path_normalization == PathNormalization::DecodeAndMergeSlashes;
    let path = if decode {
        decode_slashes(path)
    } else {
        path.to_owned()
    };
    let path = canonical(&path)?;
    let path = match mesh.path_normalization {
        PathNormalization::None | PathNormalization::Base => path,
        _ => merge_slashes(&path),
    };
    Some(match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    })
}

fn decode_slashes(path: &str) -> String {
    path.replace("%2f", "/")
        .replace("%2F", "/")
        .replace("%5c", "\\")
        .replace("%5C", "\\")
}

fn merge_slashes(path: &str) -> String {
    let mut merged = String::with_capacity(path.len());
    for char in path.chars() {
        if char != '/' || !merged.ends_with('/') {
            merged.push(char);
        }
    }
    merged
}

/// Dot segments resolved, escapes of unreserved characters undone, unsafe characters escaped.
fn canonical(path: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let bytes = path.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if let Some((dots, len)) = dot_segment(&bytes[at..]).filter(|_| out.ends_with(b"/")) {
            at += len;
            if dots == 2 {
                out.pop();
                let keep = out
                    .iter()
                    .rposition(|byte| *byte == b'/')
                    .map_or(0, |slash| slash + 1);
                out.truncate(keep);
                if out.is_empty() {
                    out.push(b'/');
                }
            }
            continue;
        }
        match (bytes[at], escape(&bytes[at..])) {
            (b'%', Some(0)) => return None,
            (b'%', Some(byte)) if is_unreserved(byte) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'%', Some(_)) => {
                out.extend_from_slice(&bytes[at..at + 3]);
                at += 3;
                continue;
            }
            (b'\\', _) => out.push(b'/'),
            (byte, _) if b"\"<>^`{|}".contains(&byte) => out.extend(format!("%{byte:02X}").bytes()),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

/// How many dots a segment at the beginning of `rest` has, and its length with the slash after it.
fn dot_segment(rest: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    let mut dots = 0;
    while dots < 3 {
        match rest.get(at) {
            Some(b'.') => at += 1,
            Some(b'%') if escape(&rest[at..]) == Some(b'.') => at += 3,
            _ => break,
        }
        dots += 1;
    }
    if dots == 0 || dots == 3 {
        return None;
    }
    match (rest.get(at), rest.get(at + 1)) {
        (None, _) => Some((dots, at)),
        (Some(b'/' | b'\\'), _) => Some((dots, at + 1)),
        // Literal dots with an empty parameter count as well, escaped ones do not.
        (Some(b';'), Some(b'/')) if at == dots => Some((dots, at + 2)),
        _ => None,
    }
}

fn escape(rest: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*rest.get(index)?).to_digit(16);
    match rest.first() {
        Some(b'%') => u8::try_from(digit(1)? * 16 + digit(2)?).ok(),
        _ => None,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

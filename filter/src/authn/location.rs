//! Where tokens are looked for, and how they are taken out.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::output::Outputs;
use super::{cookie, query};
use crate::decision::RequestChanges;
use crate::headers::Headers;
use crate::resource::request_authentication::{HeaderLocation, JwtRule};

/// A place in a request that can carry a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A header.
    Header(HeaderLocation),
    /// A parameter of the query.
    Param(String),
    /// A cookie.
    Cookie(String),
}

/// A token and where it was found.
#[derive(Clone, Debug)]
pub struct Found<'a> {
    /// The token.
    pub token: Cow<'a, [u8]>,
    /// Where it was.
    pub location: &'a Location,
}

/// What verified tokens leave behind: places that are taken out of the request.
#[derive(Clone, Debug, Default)]
pub struct Removed<'a>(SmallVec<[&'a Location; 2]>);

/// The tokens of one request for one rule: seldom more than one.
pub type AllFound<'a> = SmallVec<[Found<'a>; 2]>;

/// The locations of a rule, in the order in which Envoy finds tokens: headers, parameters, cookies,
/// each by name. Without any, `Authorization: Bearer` and the parameter `access_token`.
///
/// A header that rules write is no place for a token: what the client sent in it is removed first.
pub fn locations(rule: &JwtRule, outputs: &Outputs) -> Vec<Location> {
    let headers = rule.from_headers.iter().cloned().map(Location::Header);
    let params = rule.from_params.iter().cloned().map(Location::Param);
    let cookies = rule.from_cookies.iter().cloned().map(Location::Cookie);
    let mut locations: Vec<_> = headers.chain(params).chain(cookies).collect();
    if locations.is_empty() {
        locations = vec![
            Location::Header(HeaderLocation {
                name: "authorization".into(),
                prefix: "Bearer ".to_owned(),
            }),
            Location::Param("access_token".to_owned()),
        ];
    }
    locations
        .retain(|location| !matches!(location, Location::Header(h) if outputs.contains(&h.name)));
    locations.sort();
    locations.dedup();
    locations
}

impl Location {
    /// Adds every token that is here.
    pub fn find<'a>(&'a self, headers: &'a Headers, found: &mut AllFound<'a>) {
        let location = self;
        match self {
            Self::Header(HeaderLocation { name, prefix }) => {
                for value in headers.get_all(name) {
                    // White space around a value is no part of it (RFC 9110 section 5.5).
                    let value = value.trim_ascii();
                    if let Some(token) = after_prefix(value, prefix.as_bytes()) {
                        let token = Cow::Borrowed(token);
                        found.push(Found { token, location });
                    }
                }
            }
            Self::Param(name) => {
                let token = headers.query().and_then(|query| query::first(query, name));
                found.extend(token.map(|token| Found { token, location }));
            }
            Self::Cookie(name) => {
                let token = cookie::first(headers, name).map(Cow::Borrowed);
                found.extend(token.map(|token| Found { token, location }));
            }
        }
    }
}

/// The token in a header value: what follows the prefix, wherever that is in the value, from the
/// first character on that can be in a token. The whole value where none can, as in Envoy.
fn after_prefix<'v>(value: &'v [u8], prefix: &[u8]) -> Option<&'v [u8]> {
    if prefix.is_empty() {
        return Some(value);
    }
    let rest = match value.strip_prefix(prefix) {
        Some(rest) => rest,
        None => {
            let mut windows = value.windows(prefix.len());
            let at = windows.position(|window| window == prefix)?;
            value.get(at.checked_add(prefix.len())?..)?
        }
    };
    let in_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    match rest.iter().position(in_token) {
        Some(start) => rest.get(start..),
        None => Some(value),
    }
}

impl<'a> Removed<'a> {
    /// Takes the place of a verified token out. A cookie stays, as in Envoy.
    pub fn add(&mut self, location: &'a Location) {
        if !matches!(location, Location::Cookie(_)) && !self.0.contains(&location) {
            self.0.push(location);
        }
    }

    /// Whether nothing is left of this place.
    pub fn contains(&self, location: &Location) -> bool {
        self.0.iter().any(|removed| match (removed, location) {
            (Location::Header(a), Location::Header(b)) => a.name == b.name,
            (a, b) => *a == b,
        })
    }

    /// How many places were taken out.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Writes the removals down.
    pub fn apply(&self, headers: &Headers, changes: &mut RequestChanges) {
        let mut params = Vec::new();
        for location in &self.0 {
            match location {
                Location::Header(header) if !changes.remove.contains(&header.name) => {
                    changes.remove.push(header.name.clone());
                }
                Location::Param(name) => params.push(name.as_str()),
                Location::Header(_) | Location::Cookie(_) => (),
            }
        }
        if let (false, Some(path)) = (params.is_empty(), headers.path_and_query()) {
            changes.path = Some(query::cut(path, &params));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_is_searched_in_the_value() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            ("Bearer a.b.c", "Bearer ", Some("a.b.c")),
            ("Basic x, Bearer a.b.c", "Bearer ", Some("a.b.c")),
            ("Bearer   =a.b.c", "Bearer ", Some("a.b.c")),
            ("Bearer a.b.c, Bearer d", "Bearer ", Some("a.b.c, Bearer d")),
            ("bearer a.b.c", "Bearer ", None),
            ("Bearer", "Bearer ", None),
            ("Bearer =", "Bearer ", Some("Bearer =")),
            ("a.b.c", "", Some("a.b.c")),
            ("", "", Some("")),
            ("", "x", None),
        ];
        for (value, prefix, token) in rows {
            let got = after_prefix(value.as_bytes(), prefix.as_bytes());
            assert_eq!(got, token.map(str::as_bytes), "{value}");
        }
    }
}

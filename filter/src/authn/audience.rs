//! Which audiences are meant.

/// The audiences of a rule; empty accepts any token.
#[derive(Clone, Debug)]
pub struct Audiences(Vec<String>);

impl Audiences {
    /// The `audiences` of a rule.
    pub fn new(audiences: &[String]) -> Self {
        Self(
            audiences
                .iter()
                .map(|audience| plain(audience).to_owned())
                .collect(),
        )
    }

    /// Whether a token for `audiences` is meant.
    pub fn allow<'a>(&self, mut audiences: impl Iterator<Item = &'a str>) -> bool {
        self.0.is_empty()
            || audiences.any(|audience| self.0.iter().any(|known| known == plain(audience)))
    }
}

/// An audience without scheme and one trailing slash: neither counts, as in Envoy.
fn plain(audience: &str) -> &str {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| audience.strip_prefix(scheme))
        .unwrap_or(audience);
    rest.strip_suffix('/').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_trailing_slash_do_not_count() {
        let rows = [
            ("svc", "svc", true),
            ("https://svc/", "svc", true),
            ("svc", "http://svc/", true),
            ("svc", "svc//", false),
            ("svc", "ftp://svc", false),
            ("http://", "https://", true),
            ("", "/", true),
            ("svc", "SVC", false),
        ];
        for (configured, token, allowed) in rows {
            let audiences = Audiences::new(&[configured.to_owned()]);
            let got = audiences.allow(std::iter::once(token));
            assert_eq!(got, allowed, "{configured} {token}");
        }
        assert!(Audiences::new(&[]).allow(std::iter::empty()));
        assert!(!Audiences::new(&["svc".to_owned()]).allow(std::iter::empty()));
    }
}

//! Where keys are fetched from.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An absolute `http` or `https` URL, in parts that a request needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HttpUrl {
    text: String,
    scheme_len: usize,
    origin_len: usize,
}

const HTTP: &str = "http://";
const HTTPS: &str = "https://";

impl HttpUrl {
    /// Reads a URL; what is wrong with it otherwise.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let scheme_len = [HTTP, HTTPS]
            .into_iter()
            .find(|scheme| lower.starts_with(scheme))
            .map(str::len)
            .ok_or_else(|| format!("`{text}` is not an http or https URL"))?;
        if let Some(bad) = text.chars().find(|char| !char.is_ascii_graphic()) {
            return Err(format!("`{text}` has the character {bad:?}"));
        }
        let (scheme, rest) = lower.split_at_checked(scheme_len).unwrap_or_default();
        let original = text.get(scheme_len..).unwrap_or_default();
        let authority_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..authority_len).unwrap_or_default();
        let tail = original.get(authority_len..).unwrap_or_default();
        if authority.contains('@') {
            return Err(format!("`{text}` has a user name or password"));
        }
        check_authority(authority).map_err(|what| format!("`{text}` {what}"))?;
        if tail.contains('#') {
            return Err(format!("`{text}` has a fragment"));
        }
        let slash = if tail.starts_with('/') { "" } else { "/" };
        Ok(Self {
            text: format!("{scheme}{authority}{slash}{tail}"),
            scheme_len,
            origin_len: scheme_len.saturating_add(authority_len),
        })
    }

    /// The whole URL, with scheme and host in lower case and at least `/` as path.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port, such as `https://issuer.example:8443`.
    pub fn origin(&self) -> &str {
        self.text.get(..self.origin_len).unwrap_or_default()
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.text.split_once(':').map_or("", |(scheme, _)| scheme)
    }

    /// Host and, where it is given, port: the `:authority` of a request.
    pub fn authority(&self) -> &str {
        self.text
            .get(self.scheme_len..self.origin_len)
            .unwrap_or_default()
    }

    /// The `:path` of a request.
    pub fn path_and_query(&self) -> &str {
        self.text.get(self.origin_len..).unwrap_or_default()
    }
}

fn check_authority(authority: &str) -> Result<(), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').unwrap_or(" "))),
            None => return Err("has no `]` after its IPv6 address".to_owned()),
        },
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if host.is_empty() {
        return Err("has no host".to_owned());
    }
    check_host(host)?;
    match port {
        None => Ok(()),
        Some(port) if port.parse::<u16>().is_ok() && !port.starts_with('+') => Ok(()),
        Some(port) => Err(format!("has the invalid port `{port}`")),
    }
}

/// Refuses the addresses at which clouds answer with credentials, as istiod does when it fetches
/// keys; and numbers that are no address but that resolvers take for one.
fn check_host(host: &str) -> Result<(), String> {
    let address = match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical(),
        Err(_) if host.contains(':') || ends_in_number(host) => {
            return Err(format!("has the invalid address `{host}`"));
        }
        Err(_) => return Ok(()),
    };
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address == Ipv4Addr::UNSPECIFIED,
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || address == Ipv6Addr::UNSPECIFIED
                || address == METADATA_V6
        }
    };
    match link_local {
        true => Err("has a link-local address, from which no keys are fetched".to_owned()),
        false => Ok(()),
    }
}

/// `fd00:ec2::254`, where a cloud answers with credentials over IPv6.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

/// Whether the last label is a number: a resolver reads `2852039166` and `0xa9fe.43518` as IPv4.
fn ends_in_number(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let last = host.rsplit('.').next().unwrap_or(host);
    last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit())
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let url = HttpUrl::parse("HTTPS://Issuer.Example:8443/Keys?a=B").unwrap();
        assert_eq!(url.as_str(), "https://issuer.example:8443/Keys?a=B");
        assert_eq!(url.origin(), "https://issuer.example:8443");
        assert_eq!(url.scheme(), "https");
        assert_eq!(url.authority(), "issuer.example:8443");
        assert_eq!(url.path_and_query(), "/Keys?a=B");
        let bare = HttpUrl::parse("http://[::1]?x").unwrap();
        assert_eq!(bare.origin(), "http://[::1]");
        assert_eq!(bare.path_and_query(), "/?x");
    }

    #[test]
    fn refused() {
        let rows = [
            ("foo.com", "`foo.com` is not an http or https URL"),
            ("ftp://a", "`ftp://a` is not an http or https URL"),
            ("http://", "`http://` has no host"),
            ("http:///x", "`http:///x` has no host"),
            ("http://a:b", "`http://a:b` has the invalid port `b`"),
            ("http://a:", "`http://a:` has the invalid port ``"),
            (
                "http://[::1",
                "`http://[::1` has no `]` after its IPv6 address",
            ),
            ("http://u@a/", "`http://u@a/` has a user name or password"),
            ("http://a/#b", "`http://a/#b` has a fragment"),
            ("http://a/ b", "`http://a/ b` has the character ' '"),
            ("http://ä/", "`http://ä/` has the character 'ä'"),
            (
                "http://[fe80::1%eth0]/",
                "`http://[fe80::1%eth0]/` has the invalid address `fe80::1%eth0`",
            ),
            (
                "http://2852039166/x",
                "`http://2852039166/x` has the invalid address `2852039166`",
            ),
            (
                "http://0xa9fe.0xa9fe/",
                "`http://0xa9fe.0xa9fe/` has the invalid address `0xa9fe.0xa9fe`",
            ),
        ];
        for (text, error) in rows {
            assert_eq!(HttpUrl::parse(text).unwrap_err(), error);
        }
    }

    #[test]
    fn no_keys_from_where_clouds_keep_credentials() {
        for host in [
            "169.254.169.254",
            "169.254.0.1:80",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "0.0.0.0",
            "[::]:8080",
        ] {
            let error = HttpUrl::parse(&format!("http://{host}/latest")).unwrap_err();
            assert!(error.contains("link-local"), "{error}");
        }
        for host in [
            "127.0.0.1",
            "10.0.0.1:80",
            "[::1]",
            "[fd00::1]",
            "169.254.example",
        ] {
            let url = format!("http://{host}/jwks");
            assert_eq!(HttpUrl::parse(&url).unwrap().as_str(), url);
        }
    }
}

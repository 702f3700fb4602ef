//! Reading the values of a field.

use ipnet::IpNet;

use super::ServiceAccount;
use crate::config::{ConfigError, Node};
use crate::policy::{PathPattern, address};

const MAX_SERVICE_ACCOUNTS: usize = 16;
const MAX_SERVICE_ACCOUNT_LEN: usize = 320;

/// Strings that are not empty.
pub(super) fn texts(node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    each(node, |_, text| Ok(text.to_owned()))
}

/// Addresses and blocks of addresses.
pub(super) fn addresses(node: &Node<'_>) -> Result<Vec<IpNet>, ConfigError> {
    each(node, |node, text| {
        address::parse(text).ok_or_else(|| {
            node.error(format!("`{text}` is not an address or CIDR block"))
                .help("write `10.1.2.3`, `10.1.0.0/16`, `2001:db8::1` or `2001:db8::/32`")
        })
    })
}

/// Ports, 0 to 65535, as strings.
pub(super) fn ports(node: &Node<'_>) -> Result<Vec<u16>, ConfigError> {
    each(node, |node, text| {
        // Rust's parser takes a sign, Istio's does not.
        text.parse()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
            .ok_or_else(|| {
                node.error(format!("`{text}` is not a port"))
                    .help("write a number from 0 to 65535; there are no ranges and no names")
            })
    })
}

/// Paths with `*` at one end, or templates.
pub(super) fn paths(node: &Node<'_>) -> Result<Vec<PathPattern>, ConfigError> {
    each(node, |node, text| {
        PathPattern::parse(text).map_err(|error| {
            node.error(format!("`{text}` is not a path pattern"))
                .help(error.help())
        })
    })
}

/// Trust domains with `*` at one end at most.
pub(super) fn trust_domains(node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    each(node, |node, text| {
        if text.contains('/') {
            return Err(node
                .error(format!("`{text}` has a slash, a trust domain has none"))
                .help("write the trust domain alone, or use `principals`"));
        }
        let stars = text.matches('*').count();
        let at_end = text.starts_with('*') || text.ends_with('*');
        if stars > 1 || (stars == 1 && !at_end) {
            return Err(node
                .error(format!("`{text}` has a wildcard in the middle"))
                .help("one `*` at the beginning or at the end is allowed"));
        }
        Ok(text.to_owned())
    })
}

/// Service accounts, `namespace/name` or `name`.
pub(super) fn service_accounts(node: &Node<'_>) -> Result<Vec<ServiceAccount>, ConfigError> {
    let accounts = each(node, |node, text| {
        let (namespace, name) = match text.split_once('/') {
            None => (None, text),
            Some((namespace, name)) => (Some(namespace), name),
        };
        if name.is_empty() || namespace == Some("") || name.contains('/') {
            return Err(node
                .error(format!("`{text}` is not a service account"))
                .help("write `namespace/name`, or `name` for one of the policy's namespace"));
        }
        if text.contains('*') {
            return Err(node
                .error(format!(
                    "`{text}` has a wildcard, service accounts have none"
                ))
                .help("use `principals` or `namespaces` for patterns"));
        }
        if text.len() > MAX_SERVICE_ACCOUNT_LEN {
            return Err(node.error(format!(
                "has {} bytes, at most {MAX_SERVICE_ACCOUNT_LEN} are allowed",
                text.len()
            )));
        }
        Ok(ServiceAccount {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    })?;
    if accounts.len() > MAX_SERVICE_ACCOUNTS {
        let count = accounts.len();
        return Err(node
            .error(format!(
                "has {count} values, at most {MAX_SERVICE_ACCOUNTS} are allowed"
            ))
            .help("split the rule"));
    }
    Ok(accounts)
}

fn each<T>(
    node: &Node<'_>,
    read: impl Fn(&Node<'_>, &str) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    node.list()?
        .map(|node| match node.string()? {
            "" => Err(node.error("must not be empty").help("remove it")),
            text => read(&node, text),
        })
        .collect()
}

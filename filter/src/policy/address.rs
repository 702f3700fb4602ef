//! Blocks of addresses.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

/// How many leading bits of an IPv6 address say that an IPv4 address is mapped into it.
const MAPPED_PREFIX: u8 = 96;

/// Reads an address or a block of addresses; bits behind the prefix length are cleared.
///
/// A block of IPv4-mapped IPv6 addresses (`::ffff:10.0.0.0/104`) is the block of IPv4 addresses
/// that it maps.
pub fn parse(text: &str) -> Option<IpNet> {
    let net = match text.split_once('/') {
        None => IpNet::from(text.parse::<IpAddr>().ok()?),
        Some(_) => text.parse::<IpNet>().ok()?.trunc(),
    };
    Some(unmap(net).unwrap_or(net))
}

/// Whether `address` lies in `net`.
///
/// An IPv4-mapped IPv6 address lies in the blocks of its IPv4 address as well as in those of its
/// IPv6 form, so that neither form of one address can dodge a rule written for the other.
pub fn contains(net: &IpNet, address: IpAddr) -> bool {
    net.contains(&address) || net.contains(&address.to_canonical())
}

fn unmap(net: IpNet) -> Option<IpNet> {
    let IpNet::V6(v6) = net else { return None };
    let prefix = v6.prefix_len().checked_sub(MAPPED_PREFIX)?;
    let address: Ipv4Addr = v6.network().to_ipv4_mapped()?;
    Some(IpNet::V4(Ipv4Net::new(address, prefix).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_contain_addresses() {
        let rows = [
            ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false),
            ("10.1.2.3/16", "10.1.255.255", true),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2001:db8::/32", "2001:db8::1", true),
            ("2001:db8::1", "2001:db8::2", false),
            ("::/0", "1.2.3.4", false),
            // IPv4-mapped forms
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
            ("::ffff:10.1.2.3", "10.1.2.3", true),
            ("::/0", "::ffff:10.1.2.3", true),
            ("::ffff:10.0.0.0/104", "11.1.2.3", false),
        ];
        for (net, address, inside) in rows {
            let found = contains(&parse(net).unwrap(), address.parse().unwrap());
            assert_eq!(found, inside, "{address} in {net}");
        }
    }

    #[test]
    fn what_is_no_block_is_refused() {
        for text in [
            "",
            "a.b.c.d",
            "10.0.0",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/8/8",
            "010.0.0.1",
            "fe80::1%eth0",
            "10.0.0.0/+8",
            " 10.0.0.1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

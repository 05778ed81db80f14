//! Addresses of machines: which are of the public internet, and which are this one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one of the public internet (the special ranges of RFC 6890 and its successors). What is
/// fetched because somebody outside said so is fetched from these only.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => match ip.to_ipv4() {
            Some(inner) if ip.to_ipv4_mapped().is_some() => is_public_v4(inner),
            _ => is_public_v6(ip),
        },
    }
}

/// Whether a host, by its number (an IPv6 one with or without brackets) or as `localhost`, is this machine. Nothing else
/// may be spoken to in plain text.
pub fn is_this_machine(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host.parse().map_or(host == "localhost", |ip: IpAddr| ip.to_canonical().is_loopback())
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let special = ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    // Global unicast is 2000::/3; inside it are documentation, benchmarking, 6to4 and Teredo, which lead elsewhere.
    let global = segments[0] & 0xe000 == 0x2000;
    let special = segments[0] == 0x2002
        || segments[0] == 0x3fff
        || (segments[0] == 0x2001 && segments[1] < 0x0200)
        || (segments[0] == 0x2001 && segments[1] == 0x0db8);
    global && !special
}

//! Addresses of machines: which are of the public internet, which are this one, and where secrets may be sent.

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
    number(host).map_or(host == "localhost", |ip| ip.to_canonical().is_loopback())
}

/// Whether a host is this machine by its number, `127.0.0.1` or `[::1]`: what a native client is answered at, on any port
/// (RFC 8252, section 7.3). `localhost` is not enough for that, as it may be resolved elsewhere (section 8.3).
pub fn is_loopback_number(host: &str) -> bool {
    number(host).is_some_and(|ip| ip.is_loopback())
}

/// Whether nobody on the way reads what is sent to an address with this scheme and host: the scheme is `encrypted`
/// (`https`, `rediss`), or the same without its `s`, to this machine.
pub fn is_confidential(encrypted: &str, scheme: &str, host: Option<&str>) -> bool {
    let plain = encrypted.strip_suffix('s');
    scheme == encrypted || (plain == Some(scheme) && host.is_some_and(is_this_machine))
}

fn number(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_by_name_and_by_number() {
        for (host, this, by_number) in [
            ("127.0.0.1", true, true),
            ("127.8.9.10", true, true),
            ("::1", true, true),
            ("[::1]", true, true),
            ("localhost", true, false),
            ("::ffff:127.0.0.1", true, false),
            ("localhost.example", false, false),
            ("127.0.0.1.example", false, false),
            ("0.0.0.0", false, false),
            ("10.0.0.1", false, false),
            ("", false, false),
            ("127.0.0.1]", false, false),
            ("[127.0.0.1]", false, false),
            ("[[::1", false, false),
        ] {
            assert_eq!((is_this_machine(host), is_loopback_number(host)), (this, by_number), "{host}");
        }
    }

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for (encrypted, scheme, host, may) in [
            ("https", "https", Some("api.example"), true),
            ("https", "https", Some("10.0.0.1"), true),
            ("https", "http", Some("127.0.0.1"), true),
            ("https", "http", Some("[::1]"), true),
            ("https", "http", Some("localhost"), true),
            ("https", "http", Some("api.example"), false),
            ("https", "http", Some("10.0.0.1"), false),
            ("https", "http", None, false),
            ("https", "ftp", Some("127.0.0.1"), false),
            ("https", "rediss", Some("cache"), false),
            ("rediss", "rediss", Some("cache"), true),
            ("rediss", "redis", Some("localhost"), true),
            ("rediss", "redis", Some("cache"), false),
            ("rediss", "https", Some("cache"), false),
        ] {
            assert_eq!(is_confidential(encrypted, scheme, host), may, "{scheme} {host:?} for {encrypted}");
        }
    }
}

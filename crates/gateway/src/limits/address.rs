//! The address a request comes from, through proxies that are trusted and no others.

use std::net::IpAddr;

use contracts::ApiError;
use http::{HeaderMap, HeaderName};
use http_api::server::network;
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks, as `10.0.0.0/8` or a single address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Reads networks.
    ///
    /// # Errors
    /// `bad_network`, which names the one that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, ApiError> {
        let one = |text: &str| {
            let alone = text.parse::<IpAddr>().map(IpNet::from);
            alone.ok().or_else(|| text.parse().ok()).ok_or_else(|| {
                ApiError::invalid("bad_network", format!("{text:?} is not a network like 10.0.0.0/8 or fd00::/8"))
            })
        };
        texts.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Whether one of them holds `address`.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// As they are written.
    pub fn texts(&self) -> Vec<String> {
        self.0.iter().map(IpNet::to_string).collect()
    }
}

/// The client of a request whose connection comes from `peer`.
///
/// `X-Forwarded-For` is read from its end, as long as whoever wrote an entry is trusted; what stands before the first
/// address that is not trusted could be made up. An entry that is no address ends the reading.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &Networks) -> IpAddr {
    let mut client = peer.to_canonical();
    if trusted.0.is_empty() || !trusted.contain(client) {
        return client;
    }
    let fields = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|value| value.to_str().ok());
    for entry in fields.flat_map(|field| field.rsplit(',')) {
        let Some(address) = read(entry.trim()) else { break };
        client = address.to_canonical();
        if !trusted.contain(client) {
            break;
        }
    }
    client
}

/// An address, as proxies write it: bare, in brackets, with a port.
fn read(entry: &str) -> Option<IpAddr> {
    let bare = entry.parse().ok();
    bare.or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// The name of an address' buckets.
pub(super) fn key(client: IpAddr) -> String {
    match network(client) {
        IpAddr::V4(address) => format!("ip:{address}"),
        IpAddr::V6(network) => format!("ip:{network}/64"),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("9.9.9.9", &["1.1.1.1"], "9.9.9.9")]
    #[case("10.0.0.1", &[], "10.0.0.1")]
    #[case("10.0.0.1", &["1.1.1.1"], "1.1.1.1")]
    #[case("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1")]
    #[case("10.0.0.1", &["6.6.6.6", "1.1.1.1, 10.0.0.7"], "1.1.1.1")]
    #[case("10.0.0.1", &["1.1.1.1, nonsense"], "10.0.0.1")]
    #[case("10.0.0.1", &["1.1.1.1, , 10.0.0.7"], "10.0.0.7")]
    #[case("10.0.0.1", &["10.0.0.9"], "10.0.0.9")]
    #[case("::ffff:10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1")]
    #[case("10.0.0.1", &["[2001:db8::2]"], "2001:db8::2")]
    #[case("10.0.0.1", &["1.2.3.4:5"], "1.2.3.4")]
    #[case("::ffff:9.9.9.9", &[], "9.9.9.9")]
    fn only_trusted_proxies_are_believed(#[case] peer: &str, #[case] forwarded: &[&str], #[case] expected: &str) {
        let trusted = Networks::parse(["10.0.0.0/8"]).unwrap();
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        assert_eq!(client(peer.parse().unwrap(), &headers, &trusted).to_string(), expected);
        let nobody = client(peer.parse().unwrap(), &headers, &Networks::default());
        assert_eq!(nobody, peer.parse::<IpAddr>().unwrap().to_canonical());
    }

    #[rstest]
    #[case("192.0.2.7", "ip:192.0.2.7")]
    #[case("2001:db8:1:2:3:4:5:6", "ip:2001:db8:1:2::/64")]
    #[case("2001:db8:1:2:ffff::1", "ip:2001:db8:1:2::/64")]
    #[case("2001:db8:1:3::1", "ip:2001:db8:1:3::/64")]
    fn one_subscriber_is_one_key(#[case] address: &str, #[case] expected: &str) {
        assert_eq!(key(address.parse().unwrap()), expected);
    }

    #[test]
    fn networks_are_named_when_they_are_none() {
        assert!(Networks::parse(["10.0.0.0/33"]).unwrap_err().detail.contains("10.0.0.0/33"));
        assert_eq!(Networks::parse(["10.0.0.1", "fd00::/8"]).unwrap().texts(), ["10.0.0.1/32", "fd00::/8"]);
    }
}

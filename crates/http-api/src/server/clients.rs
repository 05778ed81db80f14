//! How many connections each client has: one alone must not take every place.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Who passes on the connections of many clients, and is not counted as one: nobody, unless it is said.
#[derive(Clone, Default)]
pub struct Proxies(Option<Arc<dyn Fn(IpAddr) -> bool + Send + Sync>>);

impl Proxies {
    /// Whoever `are` says, at the moment that they connect.
    pub fn new(are: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(are)))
    }

    fn contain(&self, ip: IpAddr) -> bool {
        self.0.as_ref().is_some_and(|are| are(ip))
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proxies")
    }
}

/// How many connections each client has.
pub(super) struct Clients {
    most: usize,
    proxies: Proxies,
    held: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection of a client, until it is dropped; a proxy's is nobody's.
pub(super) struct Seat(Option<(Arc<Clients>, IpAddr)>);

impl Clients {
    pub(super) fn new(most: usize, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self { most, proxies, held: Mutex::default() })
    }

    /// A seat for one more connection from this address; `None` where its client has as many as it may.
    pub(super) fn seat(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        if self.proxies.contain(ip.to_canonical()) {
            return Some(Seat(None));
        }
        let client = network(ip);
        let mut held = self.held();
        let has = held.get(&client).copied().unwrap_or_default();
        if has >= self.most {
            return None;
        }
        held.insert(client, has + 1);
        Some(Seat(Some((Arc::clone(self), client))))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let Some((clients, client)) = &self.0 else { return };
        let mut held = clients.held();
        match held.get(client) {
            Some(has) if *has > 1 => {
                let left = has - 1;
                held.insert(*client, left);
            }
            _ => {
                held.remove(client);
            }
        }
    }
}

/// Who counts as one: an address of IPv4, or a subscriber's network of IPv6, the first 64 bits (RFC 6177).
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64).into(),
        four => four,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_client_has_so_many_and_others_have_theirs() {
        let clients = Clients::new(2, Proxies::new(|address| address == ip("10.0.0.1")));
        let seat = |text: &str| clients.seat(ip(text));
        let first = [seat("192.0.2.1"), seat("::ffff:192.0.2.1")];
        assert!(first.iter().all(Option::is_some) && seat("192.0.2.1").is_none());
        assert!(seat("192.0.2.2").is_some(), "another");
        let six = [seat("2001:db8::1"), seat("2001:db8::ffff:2")];
        assert!(six.iter().all(Option::is_some) && seat("2001:db8::3").is_none(), "one network, one client");
        assert!(seat("2001:db8:0:1::1").is_some());
        let proxied: Vec<_> = (0..5).map(|_| seat("10.0.0.1")).collect();
        assert!(proxied.iter().all(Option::is_some));
        drop((first, six, proxied));
        assert!(clients.held().is_empty(), "who has left is forgotten");
        assert!(seat("192.0.2.1").is_some());
    }
}

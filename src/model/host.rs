//! Which hosts are this machine or a private network: where plain `http://` and `ws://` show nothing to strangers. The one table for the
//! feed, the rules and the destinations.

use url::Host;

/// Endings of names that public DNS does not serve (RFC 2606, 6761, 6762, 8375; `.internal` is ICANN's, `.lan` many a router's).
const ENDINGS: [&str; 6] = ["localhost", "local", "internal", "lan", "home.arpa", "test"];

/// An address of this machine or of a network that is not routed on the internet (RFC 1918, CGNAT, link-local, unique local), or a name
/// that can only have one: without a dot, or with one of the endings of private networks.
#[must_use]
pub fn is_private<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Ipv4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (a == 100 && (64..128).contains(&b))
        }
        Host::Ipv6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(&Host::<S>::Ipv4(v4)),
            None => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_unspecified(),
        },
        Host::Domain(name) => {
            let name = name.as_ref().trim_end_matches('.').to_ascii_lowercase();
            !name.contains('.') || ENDINGS.iter().any(|end| name.strip_suffix(end).is_some_and(|rest| rest.ends_with('.')))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_hosts_are_told_from_public_ones() {
        let private = "127.0.0.1 127.9.9.9 2130706433 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.7 100.64.0.1 100.127.255.255 \
                       169.254.1.1 [::1] [::] [fd00::1] [fe80::1] [::ffff:10.0.0.1] [::ffff:100.64.0.1] localhost LOCALHOST localhost. \
                       bot telegram-bot-api a.localhost nas.local feed.internal box.lan x.home.arpa bot.test Bot.Test.";
        for host in private.split_whitespace() {
            assert!(is_private(&Host::parse(host).unwrap()), "{host}");
        }
        let public = "1.1.1.1 8.8.8.8 172.15.0.1 172.32.0.1 100.63.0.1 100.128.0.1 192.169.0.1 [2606:4700::1111] [2001:db8::1] \
                      [::ffff:8.8.8.8] example.com localhost.evil.example notlocal.example mylan.example a.notlocal 127.0.0.1.nip.io \
                      discord.com. arpa.home.example xlocal.com";
        for host in public.split_whitespace() {
            assert!(!is_private(&Host::parse(host).unwrap()), "{host}");
        }
    }
}

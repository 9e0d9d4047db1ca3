//! URLs, headers and secrets of actions, as far as they can be judged without reading the environment.

use base64::Engine as _;
use url::{Host, Url};

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::read::Field;
use crate::model::action::{SecretRef, Span, is_reserved_header};
use crate::model::host;
use crate::model::secret::SecretSource;

/// The code of the warning about a secret in clear; what such a warning underlines is never shown.
pub(super) const IN_CLEAR: &str = "secret-in-clear";

/// What a URL leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UrlOf {
    /// The path is the credential.
    Discord,
    /// The path is the credential.
    Slack,
    /// Anybody's endpoint; the path may be public.
    Webhook,
}

/// A reference to a secret, or a report. Says nothing of secrets in clear.
fn reference(check: &mut Check<'_>, field: Field<'_>, example: &str) -> Option<SecretRef> {
    let text = field.node.text(check, field.name, example)?;
    let span = field.node.span;
    let wrong = |check: &mut Check<'_>, message: String, help: &str| {
        check.report(Diagnostic::error("bad-secret", span, message).help(help));
        None
    };
    let help = "secrets are named \"env:NAME\" or \"file:PATH\"";
    match SecretSource::parse(text) {
        SecretSource::Env(name) if name.is_empty() => {
            wrong(check, format!("`{}` names no environment variable", field.name), help)
        }
        SecretSource::Env(name) if name.contains(['=', '\0', '$', ' ']) => wrong(
            check,
            format!("`{}` does not name an environment variable", field.name),
            "write the bare name: \"env:DISCORD_URL\"",
        ),
        SecretSource::File(path) if path.is_empty() => wrong(check, format!("`{}` names no file", field.name), help),
        // It would be the secret itself.
        SecretSource::Clear(_) if text.trim_start() != text && is_source(text.trim_start()) => wrong(
            check,
            format!("`{}` has a blank before `{}`", field.name, text.trim()),
            "remove it: what begins with a blank is taken as the secret itself",
        ),
        SecretSource::Clear(_) if text.trim().is_empty() => wrong(check, format!("`{}` is empty", field.name), help),
        SecretSource::Clear(_) if text.starts_with('$') => wrong(
            check,
            format!("`{}` looks like a shell variable", field.name),
            "write \"env:NAME\": nothing is expanded in a rules file",
        ),
        source => Some(SecretRef { source, span }),
    }
}

fn is_source(text: &str) -> bool {
    !matches!(SecretSource::parse(text), SecretSource::Clear(_))
}

fn clear(secret: &SecretRef) -> Option<&str> {
    match &secret.source {
        SecretSource::Clear(secret) => Some(secret.expose()),
        SecretSource::Env(_) | SecretSource::File(_) => None,
    }
}

fn warn_in_clear(check: &mut Check<'_>, span: Span, what: &str) {
    let mistake = Diagnostic::warning(IN_CLEAR, span, format!("{what} stands here in clear"))
        .label("anybody who sees this file can use it")
        .help("put it into the environment or a file and write \"env:NAME\" or \"file:PATH\"");
    check.report(mistake);
}

/// A secret that is no URL: a key, a bot's token.
pub(super) fn secret(check: &mut Check<'_>, field: Field<'_>, what: &str) -> Option<SecretRef> {
    let secret = reference(check, field, "\"env:NAME\"")?;
    if let Some(text) = clear(&secret) {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            let mistake = Diagnostic::error("bad-secret", secret.span, format!("{what} has no spaces or line breaks"));
            check.report(mistake.help("copy it again, or write \"env:NAME\" or \"file:PATH\""));
            return None;
        }
        warn_in_clear(check, secret.span, what);
    }
    Some(secret)
}

/// The secret with which webhooks are signed.
pub(super) fn signing_secret(check: &mut Check<'_>, field: Field<'_>) -> Option<SecretRef> {
    if field.node.as_text().is_some_and(|text| text.trim().is_empty()) {
        let mistake =
            Diagnostic::error("bad-secret", field.node.span, "the signing secret is empty, so anybody could forge the signature");
        check.report(
            mistake.help("make one with `openssl rand -base64 32` and write \"env:NAME\", or remove `secret` for no signature"),
        );
        return None;
    }
    let secret = reference(check, field, "\"env:BOT_SECRET\"")?;
    if let Some(encoded) = clear(&secret).and_then(|text| text.strip_prefix("whsec_")) {
        let problem = match base64::engine::general_purpose::STANDARD.decode(encoded.trim()) {
            Ok(bytes) if !bytes.is_empty() => None,
            Ok(_) => Some("`whsec_` has no bytes after it, so anybody could forge the signature"),
            Err(_) => Some("what follows `whsec_` is not base64"),
        };
        if let Some(problem) = problem {
            let mistake = Diagnostic::error("bad-secret", secret.span, problem);
            check.report(
                mistake.help("`whsec_` is followed by 24 to 64 bytes in base64: `echo whsec_$(openssl rand -base64 32)`"),
            );
            return None;
        }
    }
    if clear(&secret).is_some() {
        warn_in_clear(check, secret.span, "the signing secret");
    }
    Some(secret)
}

/// The URL of an action.
pub(super) fn url(check: &mut Check<'_>, field: Field<'_>, of: UrlOf) -> Option<SecretRef> {
    let secret = reference(check, field, "\"env:NAME\"")?;
    let Some(text) = clear(&secret) else { return Some(secret) };
    let url = web_url(check, field, text, &["https", "http"])?;
    let local = is_local(&url);
    if url.scheme() == "http" && !local {
        plain(check, secret.span, "what is sent can be read and changed on its way");
    }
    let host = url.host_str().unwrap_or_default();
    let discord =
        ["discord.com", "discordapp.com"].iter().any(|d| host == *d || host.strip_suffix(d).is_some_and(|h| h.ends_with('.')));
    if of == UrlOf::Discord && discord && !is_discord_webhook(&url) {
        let mistake = Diagnostic::error("bad-url", secret.span, "this is no URL of a Discord webhook");
        check.report(mistake.help(
            "copy it in Discord under Channel settings, Integrations, Webhooks: https://discord.com/api/webhooks/ID/TOKEN",
        ));
        return None;
    }
    let credential = match of {
        UrlOf::Discord | UrlOf::Slack => !local,
        UrlOf::Webhook => has_credentials(&url) || (!is_loopback(&url) && has_random_path(&url)),
    };
    if credential {
        warn_in_clear(
            check,
            secret.span,
            if of == UrlOf::Webhook { "a credential within this URL" } else { "this URL is a credential and" },
        );
    }
    Some(secret)
}

/// A URL that is no secret: a base for tests and self-hosted servers, a picture.
pub(super) fn public_url(check: &mut Check<'_>, field: Field<'_>, schemes: &[&str], example: &str) -> Option<Url> {
    let text = field.node.text(check, field.name, example)?;
    let url = web_url(check, field, text, schemes)?;
    let unencrypted = matches!(url.scheme(), "http" | "ws");
    if unencrypted && !is_local(&url) {
        plain(check, field.node.span, "the key travels in clear");
    }
    Some(url)
}

fn plain(check: &mut Check<'_>, span: Span, label: &str) {
    let mistake = Diagnostic::warning("plain-http", span, "this connection is not encrypted").label(label);
    check.report(mistake.help("use https:// or wss://; plain connections are for this machine and private networks"));
}

pub(super) fn web_url(check: &mut Check<'_>, field: Field<'_>, text: &str, schemes: &[&str]) -> Option<Url> {
    let problem = match Url::parse(text.trim()) {
        Ok(url) if schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty()) => return Some(url),
        Ok(_) => format!("`{}` must be a URL that begins with {}", field.name, schemes.map_or_list()),
        Err(error) => format!("`{}` is no URL: {error}", field.name),
    };
    let help =
        format!("for example \"{}://example.com/path\", or \"env:NAME\" where it is secret", schemes.first().unwrap_or(&"https"));
    check.report(Diagnostic::error("bad-url", field.node.span, problem).help(help));
    None
}

trait Schemes {
    fn map_or_list(&self) -> String;
}

impl Schemes for &[&str] {
    fn map_or_list(&self) -> String {
        self.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ")
    }
}

fn is_discord_webhook(url: &Url) -> bool {
    let mut parts: Vec<&str> = url.path_segments().map(Iterator::collect).unwrap_or_default();
    parts.retain(|part| !part.is_empty());
    let is_version = |part: &str| part.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    if parts.get(1).is_some_and(|part| is_version(part)) {
        parts.remove(1);
    }
    matches!(parts.as_slice(), ["api", "webhooks", id, token] if id.bytes().all(|b| b.is_ascii_digit()) && !token.is_empty())
}

/// A name, a password, or something in the query that is called like a secret.
pub(super) fn has_credentials(url: &Url) -> bool {
    let telling = ["key", "token", "secret", "password", "sig", "auth"];
    !url.username().is_empty()
        || url.password().is_some()
        || url
            .query_pairs()
            .any(|(name, value)| !value.is_empty() && telling.iter().any(|word| name.to_lowercase().contains(word)))
}

/// A long random part of the path, as the URLs of hosted bots have it: whoever knows it can place orders.
fn has_random_path(url: &Url) -> bool {
    url.path_segments().into_iter().flatten().any(is_random)
}

/// Letters and digits in no order: an UUID, hex digits, base64.
fn is_random(part: &str) -> bool {
    let bytes: Vec<u8> = part.bytes().filter(|b| !matches!(b, b'-' | b'_' | b'=' | b'.' | b':')).collect();
    let turns = bytes.windows(2).filter(|pair| matches!(pair, [a, b] if a.is_ascii_digit() != b.is_ascii_digit())).count();
    bytes.len() >= 16 && bytes.iter().all(u8::is_ascii_alphanumeric) && turns >= 4
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// On this machine or in a private network.
pub(super) fn is_local(url: &Url) -> bool {
    url.host().is_some_and(|host| host::is_private(&host))
}

/// One fixed header.
pub(super) fn header(check: &mut Check<'_>, field: Field<'_>) -> Option<(String, SecretRef)> {
    let name = field.name.to_ascii_lowercase();
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        let mistake = Diagnostic::error("bad-header", field.key, "this is no name of a header");
        check.report(mistake.help("a header's name has letters, digits and - only: \"X-Api-Key\""));
        return None;
    }
    if is_reserved_header(&name) {
        let mistake = Diagnostic::error("bad-header", field.key, format!("`{name}` is set by birdcall itself"));
        check.report(mistake.help("remove it"));
        return None;
    }
    let value = reference(check, field, "\"env:BOT_KEY\"")?;
    if let Some(text) = clear(&value) {
        if !text.chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic()) {
            let mistake = Diagnostic::error(
                "bad-header",
                value.span,
                "HTTP refuses this value: a header has visible ASCII characters only",
            );
            check.report(mistake.help("remove line breaks and letters outside of ASCII"));
            return None;
        }
        let telling = ["auth", "key", "token", "secret", "cookie", "password"];
        if telling.iter().any(|word| name.contains(word)) {
            warn_in_clear(check, value.span, &format!("the value of `{name}`"));
        }
    }
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_addresses_are_known() {
        let local = [
            "http://localhost:9000",
            "http://127.0.0.1/x",
            "http://[::1]:1",
            "http://10.1.2.3",
            "http://192.168.0.4",
            "http://172.20.1.1",
            "http://bot:8080",
            "http://nas.local",
            "http://100.100.1.1",
            "http://[fd00::1]",
            "http://bot.internal",
            "http://a.localhost",
        ];
        for url in local {
            assert!(is_local(&Url::parse(url).unwrap()), "{url}");
        }
        for url in
            ["http://example.com", "http://8.8.8.8", "http://100.200.1.1", "http://localhost.evil.com", "http://[2001:db8::1]"]
        {
            assert!(!is_local(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn a_random_part_of_a_path_is_a_credential() {
        for url in [
            "https://webhooks.traderspost.io/trading/webhook/0f9c3a1e-4b7d-4c7e-9a55-2f6f0c1d8e3b/3f1c9a7be04d5a6688c2d1e0f4b7a9c3",
            "https://hooks.example/x/Zx81kQp03mVn5TtR",
        ] {
            assert!(has_random_path(&Url::parse(url).unwrap()), "{url}");
        }
        for url in
            ["https://bot.example/orders", "https://bot.example/api/v2/webhooks/exchange-listings-2024", "https://a.example/"]
        {
            assert!(!has_random_path(&Url::parse(url).unwrap()), "{url}");
        }
    }

    #[test]
    fn urls_of_discord_webhooks_are_known_with_and_without_a_version() {
        for url in ["https://discord.com/api/webhooks/1/abc", "https://ptb.discord.com/api/v10/webhooks/1/abc"] {
            assert!(is_discord_webhook(&Url::parse(url).unwrap()), "{url}");
        }
        for url in
            ["https://discord.com/channels/1/2", "https://discord.com/api/webhooks/1", "https://discord.com/api/webhooks/x/y"]
        {
            assert!(!is_discord_webhook(&Url::parse(url).unwrap()), "{url}");
        }
    }
}

//! What others wrote, made fit for people to read: hostile text in, one short harmless line out.

use std::error::Error;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::model::limits::ANSWER_SHOWN;

/// One line without control, direction or invisible characters, at most [`ANSWER_SHOWN`] characters.
pub(crate) fn shown(text: &str) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let gap = usize::from(length > 0);
        for c in std::iter::repeat_n(' ', gap).chain(word.chars().filter(|c| !is_invisible(*c))) {
            if length == ANSWER_SHOWN {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

/// The causes of an error from the outermost that says something to the innermost, each once.
pub(crate) fn in_words(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
        cause = error.source();
    }
    shown(&said.join(": "))
}

/// "HTTP 404: …", or "HTTP 404" alone when nothing was said.
pub(crate) fn with_status(status: u16, said: &str) -> String {
    let said = shown(said);
    if said.is_empty() { format!("HTTP {status}") } else { format!("HTTP {status}: {said}") }
}

/// Bidirectional overrides, zero-width and tag characters (DESTINATIONS 2.1).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

/// Strikes secrets out of what others sent back: an error page may repeat the path that it was asked for.
#[derive(Clone, Default)]
pub(crate) struct Scrub(Vec<String>);

impl Scrub {
    /// Also as they look inside a URL, inside JSON and in base64. What is too short to be a credential is left, or it would eat ordinary words.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Vec::new();
        for secret in secrets.into_iter().filter(|secret| secret.len() >= 6) {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let in_base64 = STANDARD_NO_PAD.encode(secret);
            all.extend([secret.to_owned(), encoded, secret.replace('/', "\\/"), secret.replace('&', "&amp;"), in_base64]);
        }
        // Longest first: a whole path before its parts.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        Self(all)
    }

    pub(crate) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| if text.contains(secret) { text.replace(secret, "***") } else { text })
    }
}

impl Scrub {
    /// An answer without secrets. One that repeats a secret in disguise (as JSON escapes, with invisible characters in it) is read as it would
    /// be shown: it may be no JSON any more, but it says nothing.
    pub(crate) fn answer(&self, body: &str) -> String {
        let struck = self.text(body);
        let plain = undisguised(&struck);
        let bare = self.text(&plain);
        if bare == plain { struck } else { bare }
    }
}

/// The text with its JSON escapes of ASCII resolved and its invisible characters left out.
fn undisguised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\\u") {
        plain.push_str(before);
        let code = after.get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        match code {
            Some(c) => {
                plain.push(c);
                rest = after.get(4..).unwrap_or_default();
            }
            None => {
                plain.push_str("\\u");
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    plain.retain(|c| c.is_whitespace() || !(c.is_control() || is_invisible(c)));
    plain
}

impl std::fmt::Debug for Scrub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrub({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_in_disguise_is_struck_out_too() {
        let scrub = Scrub::new(["12345:CANARY/x"]);
        for body in
            ["{\"d\":\"bad 12345\\u003aCAN\\u0041RY/x\"}", "bad 12345:CAN\u{200b}ARY/x", "12345\\u003ACANARY\u{7}/x \\u12"]
        {
            let shown = scrub.answer(body);
            assert!(shown.contains("***") && !undisguised(&shown).contains("12345:"), "{shown}");
        }
        let json = "{\"description\":\"\\u041d\\u0435\\u0442\"}";
        assert_eq!(scrub.answer(json), json, "what hides nothing stays as it is");
    }

    #[test]
    fn what_is_shown_is_one_short_line_that_a_terminal_takes_as_text() {
        assert_eq!(shown("  <html>\r\n\t<b>no</b>\u{1b}[2J\u{202e}evil\u{200b} "), "<html> <b>no</b> [2Jevil");
        let long = shown(&"ab ".repeat(200));
        assert_eq!(long.chars().count(), ANSWER_SHOWN + 1);
        assert!(long.ends_with('…'));
        assert_eq!((with_status(502, " \n").as_str(), with_status(400, "no").as_str()), ("HTTP 502", "HTTP 400: no"));
    }

    #[test]
    fn secrets_are_struck_out_raw_and_encoded() {
        let scrub = Scrub::new(["12345:CANARY/x", "abc"]);
        let text = scrub.text("at /bot12345:CANARY/x or 12345%3ACANARY%2Fx or 12345:CANARY\\/x, abc");
        assert_eq!(text, "at /bot*** or *** or ***, abc");
        assert!(!format!("{scrub:?}").contains("CANARY"));
    }
}

//! What stands in a text: words, cashtags, addresses, links. On normalised text only.

use crate::model::address::Address;
use crate::model::limits::ELEMENTS;
use crate::rules::condition::{Keyword, TextPattern};
use crate::rules::normal::{eight, is_boundary};

use super::facts::NormalText;

/// Whether a pattern is found, and which of its alternatives it was.
pub(crate) fn find<'p>(pattern: &'p TextPattern, text: &NormalText<'_>) -> Option<&'p str> {
    match pattern {
        TextPattern::Keyword { words, exact } => {
            words.iter().find(|word| has_keyword(text.cased(*exact), word)).map(|word| &*word.phrase)
        }
        TextPattern::Contains { parts, exact } => {
            parts.iter().find(|part| contains(text.cased(*exact), part)).map(|part| &**part)
        }
        TextPattern::Regex(patterns) => patterns.iter().find(|pattern| text.has_match(pattern)).map(|pattern| pattern.written()),
        TextPattern::Cashtag(symbols) => text.cashtags().iter().find_map(|tag| symbols.get(tag)).map(|(symbol, ())| &**symbol),
    }
}

/// Whether the part stands in the text. A blank at its end is also found where the text ends.
fn contains(text: &str, part: &str) -> bool {
    let at_start = part.strip_prefix(' ').is_some_and(|rest| text.starts_with(rest));
    let at_end = part.strip_suffix(' ').is_some_and(|rest| text.ends_with(rest));
    let whole = part.len() > 1 && part.starts_with(' ') && part.ends_with(' ') && text == part.trim();
    find_part(text, part, 0).is_some() || at_start || at_end || whole
}

/// Where a byte stands in a text, from there on: 32 of them at once, for which there are wide registers.
fn find_byte(text: &[u8], byte: u8, mut from: usize) -> Option<usize> {
    while let Some(block) = text.get(from..from + 32)
        && !block.iter().fold(false, |any, of| any | (*of == byte))
    {
        from += 32;
    }
    text.get(from..)?.iter().position(|of| *of == byte).map(|at| from + at)
}

/// Where a part stands in a text, from there on. Texts are short, so nothing is prepared: where its first two bytes stand, the rest is compared.
pub(super) fn find_part(text: &str, part: &str, mut from: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = ONES * 0x7f;
    let (bytes, part) = (text.as_bytes(), part.as_bytes());
    let [first, second, ..] = *part else {
        return text.as_bytes().get(from..)?.iter().position(|byte| part.first() == Some(byte)).map(|at| from + at);
    };
    let is = |eight: u64, byte: u8| {
        let other = eight ^ (ONES * u64::from(byte));
        !(((other & LOW) + LOW) | other | LOW)
    };
    while from < bytes.len() {
        let mut found = is(eight(bytes, from), first) & is(eight(bytes, from + 1), second);
        while found != 0 {
            let at = from + (found.trailing_zeros() / 8) as usize;
            if bytes.get(at..).is_some_and(|rest| rest.starts_with(part)) {
                return Some(at);
            }
            found &= found - 1;
        }
        from += 8;
    }
    None
}

/// Whether the phrase stands in the text as whole words.
fn has_keyword(text: &str, keyword: &Keyword) -> bool {
    let phrase = &*keyword.phrase;
    let (Some(first), Some(last)) = (phrase.chars().next(), phrase.chars().next_back()) else { return false };
    let mut from = 0;
    while let Some(at) = find_part(text, phrase, from) {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text.get(at + phrase.len()..).and_then(|tail| tail.chars().next());
        if (keyword.open_start || before.is_none_or(|c| is_boundary(c, first)))
            && (keyword.open_end || after.is_none_or(|c| is_boundary(last, c)))
        {
            return true;
        }
        // Phrases may overlap: `no no` in `piano no no`.
        from = at + first.len_utf8();
    }
    false
}

/// Cashtags by twitter-text's rule: at the start or after a space; `$`, one to six letters, optionally `.` or `_` and one or two
/// letters; then the end, a space or punctuation. Symbols without `$` in upper case, each once, at most `ELEMENTS`.
pub(crate) fn cashtags(text: &str) -> Vec<Box<str>> {
    let mut found: Vec<Box<str>> = Vec::new();
    let mut from = 0;
    while let Some(at) = find_byte(text.as_bytes(), b'$', from) {
        from = at + 1;
        let starts = text.get(..at).and_then(|head| head.chars().next_back()).is_none_or(char::is_whitespace);
        let Some(symbol) = text.get(at + 1..).filter(|_| starts).and_then(symbol_at_start) else { continue };
        let symbol = symbol.to_ascii_uppercase().into_boxed_str();
        if !found.contains(&symbol) {
            found.push(symbol);
        }
        if found.len() >= ELEMENTS {
            break;
        }
    }
    found
}

fn symbol_at_start(text: &str) -> Option<&str> {
    let letters = |from: usize| text.bytes().skip(from).take_while(u8::is_ascii_alphabetic).count();
    let ends_at = |at: usize| text.get(at..).is_some_and(|rest| rest.chars().next().is_none_or(ends_cashtag));
    let head = letters(0);
    if !(1..=6).contains(&head) {
        return None;
    }
    if matches!(text.as_bytes().get(head), Some(b'.' | b'_')) {
        let tail = letters(head + 1);
        let end = head + 1 + tail;
        if (1..=2).contains(&tail) && ends_at(end) {
            return text.get(..end);
        }
    }
    if ends_at(head) { text.get(..head) } else { None }
}

/// twitter-text's `punct`, and spaces.
fn ends_cashtag(c: char) -> bool {
    c.is_whitespace() || "!'#%&'()*+,\\-./:;<=>?@[]^_{|}~$".contains(c)
}

/// EVM and Solana addresses that stand in a text, not inside a longer word. In the order of the text, each once, at most `ELEMENTS`.
/// Addresses are ASCII, so a letter of any other script ends them: people write `合约0x…` without a space.
pub(crate) fn addresses(text: &str) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    let mut from = 0;
    while let Some((begin, end)) = long_word(text.as_bytes(), from) {
        from = end;
        if let Some(Ok(address)) = text.get(begin..end).filter(|word| word.len() <= ADDRESS_BYTES.1).map(Address::parse)
            && !found.contains(&address)
        {
            found.push(address);
        }
        if found.len() >= ELEMENTS {
            break;
        }
    }
    found
}

/// How short and how long an address is.
pub(super) const ADDRESS_BYTES: (usize, usize) = (32, 44);

/// The next word that is as long as an address at least, at or after `from`, where none goes on. Most words are shorter, so it is looked from
/// where one as long would end, backwards.
fn long_word(text: &[u8], mut from: usize) -> Option<(usize, usize)> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    loop {
        let span = text.get(from..from + ADDRESS_BYTES.0)?;
        match span.iter().rposition(|byte| !is_word(byte)) {
            Some(last) => from += last + 1,
            None => {
                let more = text.iter().skip(from + ADDRESS_BYTES.0).take_while(|byte| is_word(byte)).count();
                return Some((from, from + ADDRESS_BYTES.0 + more));
            }
        }
    }
}

/// The `http` and `https` links that stand in a text.
pub(crate) fn links(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (before, after) = rest.split_at(rest.find(':')?);
            let begin = ["https", "http"].into_iter().find_map(|scheme| before.strip_suffix(scheme)).map(str::len);
            let Some(begin) = begin.filter(|_| after.starts_with("://")) else {
                rest = after.get(1..)?;
                continue;
            };
            let from = rest.get(begin..)?;
            let end = from.find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')).unwrap_or(from.len());
            let (link, after) = from.split_at(end);
            rest = after;
            return Some(link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '…']));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cashtags_as_x_recognises_them() {
        for (text, tags) in [
            ("$DOGE", &["DOGE"][..]),
            ("buy $doge, $Btc! and $ETH.", &["DOGE", "BTC", "ETH"]),
            ("$BRK.B $BRK_A $A", &["BRK.B", "BRK_A", "A"]),
            ("$DOGE $DOGE", &["DOGE"]),
            ("US$DOGE ($DOGE) a$b", &[]),
            ("$ABCDEFG $1000 $100k $DOGE2 $", &[]),
            ("$DOGE上 $$DOGE", &[]),
            ("$BRK.ABC", &["BRK"]),
            ("$SOL's $PEPE-USD $X", &["SOL", "PEPE", "X"]),
        ] {
            let found: Vec<_> = cashtags(text);
            assert_eq!(found.iter().map(|tag| &**tag).collect::<Vec<_>>(), tags, "{text}");
        }
    }

    #[test]
    fn addresses_stand_alone_or_in_a_link_but_not_in_a_longer_word() {
        let solana = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";
        let evm = "0x0568151C46Ef9cc4c2E5D50690BB523A71Ca11F3";
        let text = format!("CA:{solana}, https://dexscreener.com/solana/{solana}?x=1 ({evm}) {}", evm.to_lowercase());
        assert_eq!(addresses(&text), [Address::parse(solana).unwrap(), Address::parse(evm).unwrap()]);
        assert_eq!(addresses(&format!("{solana}x x{evm} {evm}0 _{solana}")), []);
        assert_eq!(addresses(&format!("合约{solana}买入 주소{evm}")).len(), 2);
    }

    #[test]
    fn links_end_before_the_sentence_does() {
        let text = "see https://a.example/x?y=1. (http://b.example/) xhttps://c.example, ftp://no <https://d.example>";
        assert_eq!(
            links(text).collect::<Vec<_>>(),
            ["https://a.example/x?y=1", "http://b.example/", "https://c.example", "https://d.example"]
        );
    }

    proptest::proptest! {
        #[test]
        fn a_part_is_found_where_it_stands(text in "[abé🚀 \u{0}]{0,40}", part in "[abé🚀 \u{0}]{1,4}", from in 0_usize..20) {
            let from = text.floor_char_boundary(from);
            proptest::prop_assert_eq!(find_part(&text, &part, from), text[from..].find(&part).map(|at| from + at));
        }

        #[test]
        fn a_byte_is_found_where_it_stands(text in "[ab$é]{0,90}", from in 0_usize..100) {
            let expected = text.bytes().enumerate().skip(from).find(|(_, byte)| *byte == b'$').map(|(at, _)| at);
            proptest::prop_assert_eq!(find_byte(text.as_bytes(), b'$', from), expected);
        }

        #[test]
        fn links_are_the_first_of_each_word(text in "(https?://|http|://|[ .<\"x\u{3000}…)]){0,12}") {
            let by_word = |word: &str| word.find("http://").into_iter().chain(word.find("https://")).min();
            let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
            let expected = words.filter_map(|word| word.get(by_word(word)?..));
            let expected = expected.map(|link| link.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '…']));
            proptest::prop_assert_eq!(links(&text).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
        }

        #[test]
        fn a_word_that_is_long_enough_for_an_address_is_found_and_no_other(text in "([a-zA-Z0-9_]{0,50}[ -é]?){0,6}") {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.len() >= ADDRESS_BYTES.0);
            let (mut found, mut from) = (Vec::new(), 0);
            while let Some((begin, end)) = long_word(text.as_bytes(), from) {
                found.push(&text[begin..end]);
                from = end;
            }
            proptest::prop_assert_eq!(found, words.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_blank_at_the_end_of_a_substring_is_a_blank_or_the_text_s_end() {
        for (text, part, holds) in [
            ("because", " ca ", false),
            ("ca", " ca ", true),
            ("ca soon", " ca ", true),
            ("the ca", " ca ", true),
            ("the ca soon", " ca ", true),
            ("cab", " ca ", false),
            ("abc", " abc", true),
        ] {
            assert_eq!(contains(text, part), holds, "{part:?} in {text:?}");
        }
    }

    #[test]
    fn what_is_recognised_in_one_text_is_bounded() {
        let many: String = (0..10_000).map(|n| format!("${} ", ["A", "B", "C", "D"][n % 4].repeat(1 + n % 6))).collect();
        assert!(cashtags(&many).len() <= ELEMENTS);
    }

    #[test]
    fn a_keyword_is_whole_words_unless_its_script_has_none() {
        let word = |phrase: &str, open| Keyword { phrase: phrase.into(), open_start: open, open_end: open };
        for (text, phrase, open, holds) in [
            ("will list abc", "list", false, true),
            ("enlisting", "list", false, false),
            ("list", "list", false, true),
            ("delist list", "list", false, true),
            ("will list", "will list", false, true),
            ("will listing", "will list", false, false),
            ("doge_", "doge", false, false),
            ("#doge!", "doge", false, true),
            ("上場btc開始", "btc", false, true),
            ("取引開始", "開始", true, true),
            ("naïve café", "caf", false, false),
            ("piano no no", "no no", false, true),
        ] {
            assert_eq!(has_keyword(text, &word(phrase, open)), holds, "{phrase} in {text}");
        }
    }
}

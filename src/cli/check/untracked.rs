//! Authors whom the rules name and the key does not track.

use std::collections::{BTreeMap, HashSet};

use crate::model::action::Span;
use crate::rules::{Diagnostic, NamedAuthor, Severity};

/// Accounts that are named, each with the nearest of those that are tracked; more are a number.
const NAMED: usize = 200;
/// Places that are shown of each.
const PLACES: usize = 5;

/// A warning for each author whom the key does not track. Where the rules know the id, which decides, it is a note: the account may be tracked
/// under its new name.
pub(super) fn untracked(authors: &[NamedAuthor], tracked: &HashSet<String>) -> Vec<Diagnostic> {
    let mut missing: BTreeMap<&str, Vec<&NamedAuthor>> = BTreeMap::new();
    for author in authors.iter().filter(|author| !tracked.contains(&author.handle)) {
        missing.entry(&author.handle).or_default().push(author);
    }
    let mut missing: Vec<_> = missing.into_values().collect();
    missing.sort_by_key(|places| (places.iter().all(|author| author.has_id), places.first().map(|author| author.span)));
    // Notes come last, so where the first that is left out is one the others are, too.
    let is_note = |places: Option<&Vec<&NamedAuthor>>| places.is_some_and(|of| of.iter().all(|author| author.has_id));
    let mut said: Vec<_> = missing.iter().take(NAMED).filter_map(|places| of_author(places, tracked)).collect();
    let more = missing.len().saturating_sub(NAMED);
    if more > 0 {
        said.push(Diagnostic {
            severity: if is_note(missing.get(NAMED)) { Severity::Note } else { Severity::Warning },
            code: "untracked-handle",
            message: format!("{more} more accounts that the rules name are not tracked"),
            span: None,
            label: String::new(),
            more: Vec::new(),
            help: None,
        });
    }
    said
}

fn of_author(places: &[&NamedAuthor], tracked: &HashSet<String>) -> Option<Diagnostic> {
    // One without an id is what there is to do something about.
    let first = places.iter().find(|author| !author.has_id).or(places.first())?;
    let others = places.iter().filter(|author| author.span != first.span).map(|author| author.span);
    let more: Vec<(Span, String)> = others.take(PLACES).map(|span| (span, "named here, too".to_owned())).collect();
    let (severity, message, help) = if first.has_id {
        (
            Severity::Note,
            format!(
                "the key tracks nobody who is called `{}`; the account is found by its id if it is tracked under another name",
                first.handle
            ),
            "if it was renamed, write its new name before the #; else add it at tweetstream.io",
        )
    } else {
        (
            Severity::Warning,
            format!("the key does not track `{}`, so nothing that it does is heard of", first.handle),
            "add the account to those that the key tracks, at tweetstream.io, or leave it out",
        )
    };
    let near = nearest(&first.handle, tracked).map(|near| format!("did you mean `{near}`?"));
    let (span, label, help) = (Some(first.span), near.unwrap_or_default(), Some(help.to_owned()));
    Some(Diagnostic { severity, code: "untracked-handle", message, span, label, more, help })
}

fn nearest<'t>(handle: &str, tracked: &'t HashSet<String>) -> Option<&'t str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, handle);
    // By name, too, so that it is the same every time.
    let near = tracked.iter().map(|known| (distance(known), known.as_str())).min()?;
    (near.0 <= 2 && handle.len() > 3).then_some(near.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn author(handle: &str, has_id: bool, start: usize) -> NamedAuthor {
        NamedAuthor { handle: handle.to_owned(), has_id, span: Span { file: 0, start, end: start + 1 } }
    }

    #[test]
    fn each_account_is_named_once_and_an_id_makes_it_a_note() {
        let tracked = HashSet::from(["kol_two".to_owned()]);
        let authors =
            [author("old", true, 1), author("kol_tow", true, 2), author("kol_tow", false, 3), author("kol_two", false, 4)];
        let said = untracked(&authors, &tracked);
        let of: Vec<_> = said.iter().map(|d| (d.severity, d.span.unwrap().start, d.more.len(), d.label.as_str())).collect();
        assert_eq!(of, [(Severity::Warning, 3, 1, "did you mean `kol_two`?"), (Severity::Note, 1, 0, "")]);
    }

    #[test]
    fn thousands_of_accounts_are_a_number() {
        let authors: Vec<_> = (0..10_000).map(|n| author(&format!("kol{}", n / 2), false, n)).collect();
        let said = untracked(&authors, &HashSet::new());
        assert_eq!(said.len(), NAMED + 1);
        assert_eq!(said.last().unwrap().message, "4800 more accounts that the rules name are not tracked");
    }
}

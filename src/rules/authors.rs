//! The authors that rules hope to hear of, and where each is named: for who asks whether the feed tells of them.

use std::collections::HashSet;

use super::check::Check;
use super::names::parse_handle;
use super::read::Node;
use crate::model::action::Span;

/// An author that some rule asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAuthor {
    /// The handle as it is compared.
    pub handle: String,
    /// It stands there with an id, which decides: the account may be called otherwise by now.
    pub has_id: bool,
    /// Where it stands: in a rule, or in a list that one names.
    pub span: Span,
}

/// All that are named, each place once, in the order of the files.
pub(super) fn named(check: &Check<'_>) -> Vec<NamedAuthor> {
    let mut lists = HashSet::new();
    let mut found: Vec<NamedAuthor> = Vec::new();
    let mut take = |text: &str, span: Span| {
        if let Ok((handle, id)) = parse_handle(text) {
            found.push(NamedAuthor { handle: handle.into(), has_id: id.is_some(), span });
        }
    };
    let mut see = |node: Node<'_>| match node.as_text().map(|text| (text, text.strip_prefix('@'))) {
        Some((_, Some(list))) if lists.insert(list.to_owned()) => {
            check.words_of_list(list).iter().for_each(|(text, span)| take(text, *span));
        }
        Some((text, None)) => take(text, node.span),
        _ => {}
    };
    for (_, node) in &check.handles {
        match node.as_list() {
            Some(items) => items.for_each(&mut see),
            None => see(*node),
        }
    }
    found.sort_by_key(|author| author.span);
    found
}

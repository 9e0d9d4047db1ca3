//! Orders against their rule's condition: which token they are for, and how surely it is the one that was meant.

use super::check::Check;
use super::condition::{Matcher, TextPattern};
use super::diagnostic::Diagnostic;
use super::keys::list;
use super::ruleset::Each;
use super::send::Context;
use super::when::{Leaf, different_tokens};
use crate::model::action::Span;

/// Warns when orders hang on a symbol, which anybody can give to a token of theirs.
pub(super) fn symbol_alone(check: &mut Check<'_>, context: &Context<'_>, span: Span) {
    let Some(tree) = context.tree else { return };
    let each = context.scope.each;
    let (mut symbol, mut firm): (Option<&Leaf>, bool) = (None, each == Some(Each::Market));
    tree.each_leaf(false, &mut |leaf, negated| match &*leaf.matcher {
        _ if negated => {}
        // Any contract at all may be that of another token, unless `each` has all matchers look at the same.
        Matcher::Contract(contract) => firm |= !contract.addresses.is_empty() || each == Some(Each::Token),
        Matcher::Market(_) => firm = true,
        Matcher::Token(token) if !token.contracts.is_empty() => firm = true,
        Matcher::Token(token) if !token.symbols.is_empty() && !token.any_contract => symbol = symbol.or(Some(leaf)),
        Matcher::Text(text) if matches!(text.pattern, TextPattern::Cashtag(_)) => symbol = symbol.or(Some(leaf)),
        _ => {}
    });
    if let Some(leaf) = symbol.filter(|_| !firm) {
        let mistake =
            Diagnostic::warning("symbol-alone", leaf.span, format!("`{}` places orders on a symbol alone", context.name))
                .label("anybody can make a token of this symbol")
                .also(span, "places orders")
                .help("name the `contract` inside the same table: `token = { symbol = \"DOGE\", contract = \"0x…\" }`; or ask for a `market` of an exchange");
        check.report(mistake);
    }
}

/// Reports an order that may be for another token than the one that was asked about.
pub(super) fn another(check: &mut Check<'_>, context: &Context<'_>, span: Span) {
    let Some(tree) = context.tree.filter(|_| context.scope.each.is_none()) else { return };
    let leaves = different_tokens(tree);
    let [first, rest @ ..] = leaves.as_slice() else { return };
    let mut keys: Vec<&str> = leaves.iter().map(|leaf| leaf.key).collect();
    keys.dedup();
    let message = match keys.as_slice() {
        [one] => format!("`{}` may order another token than the one that is meant: there are several `{one}`", context.name),
        keys => format!(
            "`{}` may order another token than the one that is meant: {} need not be about the same",
            context.name,
            list(keys)
        ),
    };
    let mut mistake = Diagnostic::error("another-token", first.span, message).label("holds for one token");
    for leaf in rest.iter().take(2) {
        mistake = mistake.also(leaf.span, "holds for any other");
    }
    check.report(mistake.also(span, "places the order").help(
        "put them inside the same `token = { … }`, such as `token = { symbol = \"DOGE\", contract = true, price = { below = 1 } }`: all of it holds for one token",
    ));
}

//! Matchers on the account, the tweet's outer facts, and changes of a profile.

use super::{Tree, push};
use crate::model::subject::{Kind, Platform, ProfileField};
use crate::rules::check::Check;
use crate::rules::condition::{AuthorMatcher, ChangedMatcher, LinkMatcher, Matcher, MediaMatcher};
use crate::rules::diagnostic::Diagnostic;
use crate::rules::keys::{Place, list, nearest};
use crate::rules::names::{accounts as read_accounts, choices, domains};
use crate::rules::range::{Measure, range};
use crate::rules::read::{Field, Table};
use crate::rules::text::{self, text_or_table};

/// `handle`, `target`, `platform`, `author`.
pub(super) fn accounts<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>) {
    let (mut truth_social, mut nowhere_else) = (false, false);
    if let Some(field) = table.take("platform") {
        let known = [("twitter", Platform::Twitter), ("truth_social", Platform::TruthSocial)];
        let platforms = choices(check, field, &known);
        nowhere_else = platforms.as_ref().is_some_and(|platforms| is_truth_social(platforms));
        truth_social = platforms.as_ref().is_some_and(|platforms| platforms.contains(&Platform::TruthSocial));
        push(all, "platform", field, platforms.map(Matcher::Platform));
    }
    if let Some(field) = table.take("handle") {
        if !nowhere_else {
            check.handles.push((field.key, field.node));
        }
        let accounts = read_accounts(check, field, truth_social);
        push(all, "handle", field, accounts.map(Matcher::Handle));
    }
    if let Some(field) = table.take("target") {
        let accounts = read_accounts(check, field, truth_social);
        push(all, "target", field, accounts.map(Matcher::Target));
    }
    if let Some(field) = table.take("author") {
        push(all, "author", field, author(check, field));
    }
}

/// Whether these are Truth Social alone, whose accounts nobody tracks one by one.
pub(in crate::rules) fn is_truth_social(platforms: &[Platform]) -> bool {
    platforms.iter().all(|platform| *platform == Platform::TruthSocial)
}

/// `kind`, `media`, `age`, `link`.
pub(super) fn facts<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>) {
    if let Some(field) = table.take("kind") {
        let known = [Kind::Post, Kind::Reply, Kind::Quote, Kind::Retweet];
        let known = ["post", "reply", "quote", "retweet"].into_iter().zip(known).collect::<Vec<_>>();
        push(all, "kind", field, choices(check, field, &known).map(Matcher::Kind));
    }
    if let Some(field) = table.take("media") {
        push(all, "media", field, media(check, field));
    }
    if let Some(field) = table.take("age") {
        push(all, "age", field, range(check, field, Measure::Age).map(|range| Matcher::Age(Box::new(range))));
    }
    if let Some(field) = table.take("link") {
        push(all, "link", field, link(check, field));
    }
}

fn author<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    let Some(mut table) = field.node.as_table(Place::Author) else {
        let mistake = Diagnostic::error("wrong-type", field.node.span, format!("`author` must be a table, not {}", field.node.kind()))
            .help("for who wrote it there is `handle = \"elonmusk\"`; `author = { followers = { above = 10000 } }` is about the account");
        check.report(mistake);
        return None;
    };
    if table.is_empty() {
        let mistake = Diagnostic::error("empty-table", field.node.span, "`author` asks nothing");
        check.report(mistake.help("for example `author = { followers = { above = 10000 } }`"));
    }
    let mut author = AuthorMatcher::default();
    let mut whole = !table.is_empty();
    if let Some(field) = table.take("followers") {
        author.followers = range(check, field, Measure::Count);
        whole &= author.followers.is_some();
    }
    if let Some(field) = table.take("verified") {
        let verified = verified(check, field);
        whole &= verified.is_some();
        author.verified = verified.unwrap_or_default();
    }
    for (key, patterns) in [("name", &mut author.name), ("bio", &mut author.bio)] {
        if let Some(field) = table.take(key) {
            let read = text_or_table(check, field);
            whole &= read.is_some();
            *patterns = read.unwrap_or_default();
        }
    }
    table.finish(check);
    whole.then(|| Matcher::Author(Box::new(author)))
}

const VERIFIED: [&str; 4] = ["blue", "business", "government", "none"];

/// The feed may learn new values, so one that we do not know is only a warning.
fn verified<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Vec<Box<str>>> {
    let (words, whole) = field.node.words(check, "verified", "[\"business\", \"government\"]");
    for word in words.iter().filter(|word| !VERIFIED.contains(&word.text)) {
        let mistake =
            Diagnostic::warning("unknown-value", word.span, format!("`{}` is no verification that we know of", word.text));
        check.report(match nearest(word.text, VERIFIED) {
            Some(near) => mistake.label(format!("did you mean `{near}`?")),
            None => mistake.help(format!("the feed knows {}", list(&VERIFIED))),
        });
    }
    whole.then(|| words.iter().map(|word| word.text.to_lowercase().into()).collect())
}

fn media<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    match field.node.value.as_bool() {
        Some(true) => return Some(Matcher::Media(MediaMatcher::default())),
        Some(false) => {
            let mistake = Diagnostic::error("unknown-value", field.node.span, "`media = false` is not how absence is asked for");
            check.report(mistake.help("write `none = [{ media = true }]`"));
            return None;
        }
        None => {}
    }
    let kinds = choices(check, field, &[("image", "image"), ("video", "video"), ("gif", "gif")])?;
    Some(Matcher::Media(MediaMatcher { kinds: kinds.into_iter().map(Into::into).collect() }))
}

fn link<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Matcher> {
    let Some(mut table) = field.node.as_table(Place::Link) else {
        let domains = domains(check, field)?;
        return Some(Matcher::Link(LinkMatcher { domains, patterns: Vec::new() }));
    };
    let mut link = LinkMatcher::default();
    let mut whole = true;
    if let Some(field) = table.take("domain") {
        let read = domains(check, field);
        whole &= read.is_some();
        link.domains = read.unwrap_or_default();
    }
    let exact = table.take("case").and_then(|field| field.node.boolean(check, "case")).unwrap_or(false);
    if let Some(field) = table.take("regex") {
        let read = text::regexes(check, field, exact);
        whole &= read.is_some();
        link.patterns = read.unwrap_or_default();
    }
    if !table.has("domain") && !table.has("regex") {
        let mistake = Diagnostic::error("empty-table", field.node.span, "`link` asks nothing");
        check.report(mistake.help("for example `link = \"pump.fun\"` or `link = { regex = 'pump\\.fun/coin/' }`"));
        whole = false;
    }
    table.finish(check);
    whole.then_some(Matcher::Link(link))
}

/// `changed` with its `before` and `after`.
pub(super) fn changed<'a>(check: &mut Check<'a>, table: &mut Table<'a>, all: &mut Vec<Tree>) {
    let (field, before, after) = (table.take("changed"), table.take("before"), table.take("after"));
    let mut read = |field: Option<Field<'a>>| field.map_or(Some(Vec::new()), |field| text_or_table(check, field));
    let (before_read, after_read) = (read(before), read(after));
    let Some(field) = field else {
        for field in [before, after].into_iter().flatten() {
            let message = format!("`{}` stands beside no `changed`, so it does nothing", field.name);
            check.report(Diagnostic::error("misplaced-key", field.key, message).help("say what changed: `changed = \"bio\"`"));
        }
        return;
    };
    let fields = match field.node.value.as_bool() {
        Some(true) => Some(ProfileField::ALL.to_vec()),
        _ => choices(check, field, &ProfileField::ALL.map(|field| (field.name(), field))),
    };
    if let (Some(fields), Some(before), Some(after)) = (fields, before_read, after_read) {
        push(all, "changed", field, Some(Matcher::Changed(Box::new(ChangedMatcher { fields, before, after }))));
    }
}

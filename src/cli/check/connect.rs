//! `check --connect`: asks the feed which accounts the key tracks, and every destination whether it can be reached. Nothing is sent to anybody.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::cli::load::{help, help_for, usual_key};
use crate::cli::runtime;
use crate::cli::table::{Cell, FAINT, FINE, WRONG, table};
use crate::clock::Clock;
use crate::deliver::{Common, Granted, Switch, Target, Unreached, reach};
use crate::feed::HistorySettings;
use crate::feed::history::{Account, AccountError, Unanswered, account, account_url, default_url};
use crate::model::action::{Action, Destination, Span};
use crate::model::limits::REACH_AT_ONCE;
use crate::model::secret::Secret;
use crate::rules::{Diagnostic, NamedAuthor, RuleSet, Severity, Source, named_authors};
use crate::{secrets, tls};

/// Authors for whom the nearest of those that are tracked is looked for.
const SUGGESTED: usize = 200;

/// What came of it.
pub(super) struct Connected {
    lines: Vec<Line>,
    /// Warnings of authors whom the key does not track.
    pub(super) untracked: Vec<Diagnostic>,
}

/// One that was asked.
struct Line {
    name: String,
    kind: &'static str,
    /// Where the rules name it.
    span: Option<Span>,
    found: Result<String, Unreached>,
}

/// Asks all at once. The error is why nobody could be asked.
pub(super) fn connect(rules: &RuleSet, sources: &[Source]) -> Result<Connected, String> {
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| error.to_string())?;
    let (events, _unread) = mpsc::channel(1);
    // Nothing is sent, so nothing has to be allowed.
    let common = Common { tls, clock: Clock::system(), events, switch: Switch::new(false), intents: Arc::new(Granted) };
    let runtime = runtime().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async {
        let destinations = futures_util::stream::iter(&rules.actions).map(|action| Box::pin(ask(action, &common)));
        tokio::join!(Box::pin(ask_feed(rules, &common)), destinations.buffered(REACH_AT_ONCE).collect::<Vec<_>>())
    });
    // A name look-up that hangs must not hold the program.
    runtime.shutdown_background();
    let ((feed, handles), destinations) = asked;
    let untracked = handles.map(|handles| untracked(&named_authors(sources), &handles)).unwrap_or_default();
    Ok(Connected { lines: std::iter::once(feed).chain(destinations).collect(), untracked })
}

impl Connected {
    /// All that was asked has answered well.
    pub(super) fn is_fine(&self) -> bool {
        self.lines.iter().all(|line| line.found.is_ok())
    }

    /// For people: a line for each.
    pub(super) fn table(&self) -> String {
        let row = |line: &Line| {
            let (state, says) = match &line.found {
                Ok(found) => (Cell::new("ok", FINE), found.clone()),
                Err(Unreached { what, todo }) => (Cell::new("wrong", WRONG), format!("{what}; {todo}")),
            };
            vec![Cell::plain(&line.name), Cell::new(line.kind, FAINT), state, Cell::plain(says)]
        };
        table(&["NAME", "TYPE", "STATE", "SAYS"], self.lines.iter().map(row).collect())
    }

    /// For programs: what is wrong.
    pub(super) fn diagnostics(&self) -> Vec<Diagnostic> {
        let wrong = |line: &Line| {
            let Unreached { what, todo } = line.found.as_ref().err()?;
            Some(Diagnostic {
                severity: Severity::Error,
                code: "cannot-reach",
                message: format!("`{}` cannot be reached: {what}", line.name),
                span: line.span,
                label: String::new(),
                more: Vec::new(),
                help: Some(todo.clone()),
            })
        };
        self.lines.iter().filter_map(wrong).collect()
    }
}

async fn ask(action: &Action, common: &Common) -> Line {
    let (name, kind, span) = (action.name.clone(), action.destination.name(), Some(action.span));
    if matches!(action.destination, Destination::Console) {
        return Line { name, kind, span, found: Ok("prints".to_owned()) };
    }
    let found = match Target::resolve(action, &mut secrets::read) {
        Ok(target) => match reach(action, &target, common).await {
            Ok(found) => found,
            Err(error) => Err(Unreached { what: error.to_string(), todo: "this is no fault of the rules".to_owned() }),
        },
        Err(error) => Err(Unreached { what: error.to_string(), todo: help_for(&error, action) }),
    };
    Line { name, kind, span, found }
}

/// The feed's line, and the accounts that the key tracks, if that is said.
async fn ask_feed(rules: &RuleSet, common: &Common) -> (Line, Option<HashSet<String>>) {
    let feed = &rules.feed;
    let host = url::Url::parse(&feed.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let line = |found| Line { name: host.clone(), kind: "feed", span: feed.key.as_ref().map(|key| key.span), found };
    let wrong = |what: &str, todo: &str| Err(Unreached { what: what.to_owned(), todo: todo.to_owned() });
    let Some(history) = feed.history.clone().or_else(|| default_url(&feed.url)) else {
        let found = "not asked which accounts the key tracks: `history` under [feed] would say where";
        return (line(Ok(found.to_owned())), None);
    };
    let key = match &feed.key {
        Some(key) => secrets::read(key).map_err(|error| (error.to_string(), help(&error))),
        None => usual_key().ok_or_else(|| {
            let todo = "set TWEETSTREAM_API_KEY, or write key = \"env:NAME\" under [feed]";
            ("there is no key for the feed".to_owned(), todo.to_owned())
        }),
    };
    match key {
        Err((what, todo)) => (line(wrong(&what, &todo)), None),
        Ok(key) => match ask_account(&history, key, common).await {
            Ok(account) => (line(Ok(words(&account))), account.handles),
            Err(error) => (line(unknown(&error)), None),
        },
    }
}

async fn ask_account(history: &str, key: Secret, common: &Common) -> Result<Account, AccountError> {
    let agent = concat!("birdcall/", env!("CARGO_PKG_VERSION")).to_owned();
    let (url, tls, clock) = (account_url(history)?, Arc::clone(&common.tls), common.clock.clone());
    account(HistorySettings { url, key, tls, agent, clock }).await
}

/// What is known of the account.
fn words(account: &Account) -> String {
    let of = |count: Option<u64>, limit: Option<u64>| match (count, limit) {
        (Some(count), Some(limit)) => Some(format!("{count} of {limit}")),
        (Some(count), None) => Some(count.to_string()),
        _ => None,
    };
    let plan = account.plan.as_ref().map(|plan| format!("plan {plan}"));
    let tracked = of(account.tracked, account.tracked_limit).map(|count| format!("tracks {count} accounts"));
    let open = of(account.connections, account.connections_limit).map(|count| format!("{count} connections open"));
    let silent = account.handles.is_none().then(|| "does not say which accounts the key tracks".to_owned());
    [plan, tracked, open, silent].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Why the account is not known. Another feed than TweetStream's need not know of accounts.
fn unknown(error: &AccountError) -> Result<String, Unreached> {
    let what = error.to_string();
    let todo = match error {
        AccountError::Settings(_) => "change `key` or `history` under [feed]",
        AccountError::NoAccount => return Ok(what),
        AccountError::Unanswered(Unanswered { status, .. }) => match status {
            Some(404 | 405 | 501) => return Ok(format!("does not say which accounts the key tracks ({what})")),
            Some(401) => "the key is wrong or was taken back: copy it again from tweetstream.io",
            Some(402 | 403) => "the key may not ask, or its plan has ended: look at tweetstream.io",
            Some(429) => "it is asked too often at the moment: try again in a while",
            Some(_) => "the API has trouble of its own: try again in a while",
            None => "look at `history` and `url` under [feed], and at what stands between here and there: a firewall, a proxy",
        },
    };
    Err(Unreached { what, todo: todo.to_owned() })
}

/// A warning for each place that names an author whom the key does not track.
fn untracked(authors: &[NamedAuthor], tracked: &HashSet<String>) -> Vec<Diagnostic> {
    let missing = authors.iter().filter(|author| !tracked.contains(&author.handle));
    missing
        .enumerate()
        .map(|(at, author)| {
            let near = if at < SUGGESTED { nearest(&author.handle, tracked) } else { None };
            Diagnostic {
                severity: Severity::Warning,
                code: "untracked-handle",
                message: format!("the key does not track `{}`, so nothing that it does is heard of", author.handle),
                span: Some(author.span),
                label: near.map(|near| format!("did you mean `{near}`?")).unwrap_or_default(),
                more: Vec::new(),
                help: Some("add the account to those that the key tracks, at tweetstream.io, or leave it out".to_owned()),
            }
        })
        .collect()
}

fn nearest<'t>(handle: &str, tracked: &'t HashSet<String>) -> Option<&'t str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, handle);
    // By name, too, so that it is the same every time.
    let near = tracked.iter().map(|known| (distance(known), known.as_str())).min()?;
    (near.0 <= 2 && handle.len() > 3).then_some(near.1)
}

//! `check --connect`: asks the feed which accounts the key tracks, and every destination whether it can be reached. Nothing is sent to anybody.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use crate::cli::load::{help, help_for, usual_key};
use crate::cli::runtime;
use crate::cli::table::{Cell, FAINT, FINE, WRONG, clean, table};
use crate::clock::Clock;
use crate::deliver::{Common, Granted, Switch, Target, Unreached, reach};
use crate::feed::HistorySettings;
use crate::feed::history::{Account, AccountError, Unanswered, account, account_url, default_url};
use crate::model::action::{Action, Destination, Span};
use crate::model::limits::REACH_AT_ONCE;
use crate::model::mode::Mode;
use crate::model::secret::Secret;
use crate::rules::{Diagnostic, RuleSet, Severity};
use crate::{app, secrets, tls};

/// Characters of a word of the feed's in the table.
const SHOWN: usize = 40;

/// What came of it.
pub(super) struct Connected {
    lines: Vec<Line>,
    /// The accounts that the key tracks, if the feed says so.
    pub(super) handles: Option<HashSet<String>>,
}

/// One that was asked.
struct Line {
    name: String,
    kind: &'static str,
    /// Where the rules name it.
    span: Option<Span>,
    found: Result<String, Unreached>,
    /// Why nothing is sent there anyway: whatever is wrong with it, the rules can run.
    idle: Option<&'static str>,
}

/// Asks all at once. The error is why nobody could be asked.
pub(super) fn connect(rules: &RuleSet) -> Result<Connected, String> {
    let tls = tls::client_config(&[b"h2", b"http/1.1"]).map_err(|error| error.to_string())?;
    let (events, _unread) = mpsc::channel(1);
    // Nothing is sent, so nothing has to be allowed.
    let common = Common { tls, clock: Clock::system(), events, switch: Switch::new(false), intents: Arc::new(Granted) };
    let runtime = runtime().map_err(|error| error.to_string())?;
    let asked =
        runtime.block_on(async { tokio::join!(Box::pin(ask_feed(rules, &common)), Box::pin(ask_destinations(rules, &common))) });
    // A name look-up that hangs must not hold the program.
    runtime.shutdown_background();
    let ((feed, handles), destinations) = asked;
    Ok(Connected { lines: std::iter::once(feed).chain(destinations).collect(), handles })
}

impl Connected {
    /// All that was asked has answered well.
    pub(super) fn is_fine(&self) -> bool {
        self.lines.iter().all(|line| line.found.is_ok() || line.idle.is_some())
    }

    /// For people: a line for each.
    pub(super) fn table(&self) -> String {
        let row = |line: &Line| {
            let (state, says) = match &line.found {
                Ok(found) => (Cell::new("ok", FINE), found.clone()),
                Err(Unreached { what, todo }) => {
                    let state = line.idle.map_or_else(|| Cell::new("wrong", WRONG), |idle| Cell::new(idle, FAINT));
                    (state, format!("{what}; {todo}"))
                }
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
                severity: if line.idle.is_some() { Severity::Warning } else { Severity::Error },
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

/// A line for each action. Those that go to the same place are asked once.
async fn ask_destinations(rules: &RuleSet, common: &Common) -> Vec<Line> {
    let mut places: Vec<(&Action, Target)> = Vec::new();
    let mut place = |action| match Target::resolve(action, &mut secrets::read) {
        Ok(target) => Ok(places.iter().position(|(_, known)| *known == target).unwrap_or_else(|| {
            places.push((action, target));
            places.len() - 1
        })),
        Err(error) => Err(Unreached { what: error.to_string(), todo: help_for(&error, action) }),
    };
    let actions: Vec<_> = rules.actions.iter().filter(|action| !matches!(action.destination, Destination::Console)).collect();
    let resolved: Vec<_> = actions.iter().map(|action| place(*action)).collect();
    let asked = futures_util::stream::iter(&places).map(|(action, target)| Box::pin(ask(action, target, common)));
    let answers: Vec<_> = asked.buffered(REACH_AT_ONCE).collect().await;
    let unasked = || Err(Unreached { what: "it was not asked".to_owned(), todo: "this is no fault of the rules".to_owned() });
    let mut found = resolved.into_iter().map(|of| of.and_then(|at| answers.get(at).cloned().unwrap_or_else(unasked)));
    let busy = busy(rules);
    let line = |(at, action): (usize, &Action)| {
        let is_console = matches!(action.destination, Destination::Console);
        let found = if is_console { Ok("prints".to_owned()) } else { found.next().unwrap_or_else(unasked) };
        let idle = (!busy.contains(&at)).then_some(if action.mode == Mode::Off { "off" } else { "unused" });
        Line { name: action.name.clone(), kind: action.destination.name(), span: Some(action.span), found, idle }
    };
    rules.actions.iter().enumerate().map(line).collect()
}

/// The actions to which something may be sent.
fn busy(rules: &RuleSet) -> BTreeSet<usize> {
    let alive = rules.rules.iter().filter(|rule| rule.mode != Mode::Off).flat_map(|rule| &rule.send);
    let sends = alive.filter(|send| send.mode != Mode::Off).map(|send| send.action);
    sends.chain(app::told(rules)).collect()
}

async fn ask(action: &Action, target: &Target, common: &Common) -> Result<String, Unreached> {
    match reach(action, target, common).await {
        Ok(found) => found,
        Err(error) => Err(Unreached { what: error.to_string(), todo: "this is no fault of the rules".to_owned() }),
    }
}

/// One line, cut where it would fill the table.
fn short(text: &str) -> String {
    let line = clean(text);
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line,
    }
}

/// The feed's line, and the accounts that the key tracks, if that is said.
async fn ask_feed(rules: &RuleSet, common: &Common) -> (Line, Option<HashSet<String>>) {
    let feed = &rules.feed;
    let host = url::Url::parse(&feed.url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let span = feed.key.as_ref().map(|key| key.span);
    let line = |found| Line { name: host.clone(), kind: "feed", span, found, idle: None };
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
    let plan = account.plan.as_ref().map(|plan| format!("plan {}", short(plan)));
    let tracked = of(account.tracked, account.tracked_limit).map(|count| format!("tracks {count} accounts"));
    let open = of(account.connections, account.connections_limit).map(|count| format!("{count} connections open"));
    let silent = match (&account.handles, account.listed) {
        (Some(_), _) => None,
        (None, Some(listed)) => {
            let of = account.tracked.map(|count| format!(" of {count}")).unwrap_or_default();
            Some(format!("lists only {listed}{of}, so whom the rules name is not looked for"))
        }
        (None, None) => Some("does not say which accounts the key tracks".to_owned()),
    };
    [plan, tracked, open, silent].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Why the account is not known. Another feed than TweetStream's need not know of accounts.
fn unknown(error: &AccountError) -> Result<String, Unreached> {
    let what = error.to_string();
    let todo = match error {
        AccountError::Settings(_) => "change `key` or `history` under [feed]",
        AccountError::NoAccount => return Ok(what),
        AccountError::Unanswered(Unanswered { status, .. }) => match status {
            Some(404 | 405 | 501) => {
                return Ok(format!(
                    "there is no /me beside the history, so which accounts the key tracks is not known ({what}); TweetStream has one: if the feed is \
                     its own, correct `history` under [feed]"
                ));
            }
            Some(401) => "the key is wrong or was taken back: copy it again from tweetstream.io",
            Some(402 | 403) => "the key may not ask, or its plan has ended: look at tweetstream.io",
            Some(429) => "it is asked too often at the moment: try again in a while",
            Some(_) => "the API has trouble of its own: try again in a while",
            None => "look at `history` and `url` under [feed], and at what stands between here and there: a firewall, a proxy",
        },
    };
    Err(Unreached { what, todo: todo.to_owned() })
}

//! A firing → what a message about it says, for every platform alike: who, what, how old, what for, in the order of a trader's eyes.
//!
//! Texts of a card are sanitised but not escaped: each platform does that in its own way, and knows from the [`Piece`] whose words
//! they are. Nothing of a tweet stands in the first line but its author's checked handle and checked symbols, so that no text can
//! pose as ours (DESTINATIONS 2.1).

use super::fit::{chars, cut};
use super::who::Who;
use super::{facts, link, sanitise};
use crate::model::firing::{Element, Firing, Origin};
use crate::model::price::Price;
use crate::model::subject::{About, Event, Kind, Market, Prediction, Token, Tweet};
use crate::model::time::Timestamp;
use crate::rules::template::words;

/// Code points of a rule's name in a first line.
const RULE: usize = 100;

/// What a message says.
#[derive(Clone, Debug, Default)]
pub(super) struct Card {
    /// One pictogram for the kind of event.
    pub(super) emoji: &'static str,
    /// For platforms that colour messages: 0xRRGGBB.
    pub(super) color: u32,
    /// The first line, what a phone shows: the rule and what it is about. Our words, and symbols of letters and digits.
    pub(super) title: Title,
    /// Who did it; `None` in a test.
    pub(super) who: Option<Who>,
    /// What they did: `posted`, `followed`, …
    pub(super) did: &'static str,
    /// To whom: of a reply, quote, retweet, follow or unfollow.
    pub(super) whom: Option<Who>,
    /// The tweet's own words, or what a template wrote.
    pub(super) text: Option<String>,
    /// A sentence of ours in the place of a text.
    pub(super) note: Option<String>,
    /// The words of the tweet that it is about.
    pub(super) quoted: Option<String>,
    /// Tokens, prices, changes, what matched; see [`Fact`].
    pub(super) facts: Vec<Fact>,
    /// The tweet's page, or the account's.
    pub(super) link: Option<String>,
    /// What the link opens.
    pub(super) link_label: &'static str,
    /// A picture that the platform may fetch.
    pub(super) picture: Option<String>,
    /// When it happened: `12:40:00 UTC`. A message may be read long after it was written, so that it holds no age.
    pub(super) moment: String,
    /// `alerted after 0.2 s`.
    pub(super) delay: String,
    /// Why it is late, when it is.
    pub(super) late: Option<&'static str>,
    /// When the tweet was deleted since, by the clock: its words are struck through.
    pub(super) deleted: Option<String>,
    /// When it happened.
    pub(super) at: Timestamp,
}

/// The first line.
#[derive(Clone, Debug, Default)]
pub(super) struct Title {
    /// The rule's name.
    pub(super) rule: String,
    /// What a template wrote to be shown in its place: anybody's words.
    pub(super) written: Option<String>,
    /// What the firing is about: `ORBL $0.0012`. A checked symbol and a price.
    pub(super) about: Option<String>,
}

impl Card {
    /// `🔔 listing-watch · ORBL $0.0012`: our words and a checked symbol.
    pub(super) fn lead(&self) -> String {
        let about = self.title.about.as_ref().map_or_else(String::new, |about| format!(" · {about}"));
        format!("{}{}{about}", self.mark(), cut(&self.title.rule, RULE, chars))
    }

    /// The same, or what a template wrote in its place.
    pub(super) fn headline(&self) -> String {
        self.title.written.as_ref().map_or_else(|| self.lead(), |written| format!("{}{written}", self.mark()))
    }

    /// The pictogram, after a sign of warning when the alert is late.
    pub(super) fn mark(&self) -> String {
        format!("{}{} ", if self.late.is_some() { "⚠️ " } else { "" }, self.emoji)
    }

    /// `@orbitlab_xyz replied to @kairo_trades`: checked handles and our words, never a display name.
    pub(super) fn deed(&self) -> Option<String> {
        let who = self.who.as_ref()?;
        Some(format!("{} {}", who.safe(), self.act()))
    }

    /// `replied to @kairo_trades`, `posted on Truth Social`.
    pub(super) fn act(&self) -> String {
        let whom = self.whom.as_ref().map_or_else(String::new, |whom| format!(" {}", whom.safe()));
        format!("{}{whom}{}", self.verb(), self.who.as_ref().map_or("", |who| who.place))
    }

    /// `Orbit Lab → kairo`: the display names, which are anybody's words, so that they come last.
    pub(super) fn names(&self) -> Option<String> {
        let name = |who: &Option<Who>| who.as_ref().and_then(|who| who.name.clone());
        match (name(&self.who), name(&self.whom)) {
            (Some(who), Some(whom)) => Some(format!("{who} → {whom}")),
            (Some(who), None) => Some(who),
            (None, Some(whom)) => Some(format!("→ {whom}")),
            (None, None) => None,
        }
    }

    /// What they did, ready for the one to whom they did it.
    pub(super) fn verb(&self) -> &'static str {
        if self.did == "replied" && self.whom.is_some() { "replied to" } else { self.did }
    }

    /// What stands over the words of the other tweet.
    pub(super) fn over_quoted(&self) -> String {
        let whom = self.whom.as_ref().map_or_else(|| "the other post".to_owned(), Who::safe);
        match self.did {
            "replied" => format!("In reply to {whom}"),
            "quoted" => format!("Quoting {whom}"),
            _ => format!("From {whom}"),
        }
    }

    /// `12:40:00 UTC, alerted after 3.4 s`, and that it is late when it is.
    pub(super) fn when(&self) -> String {
        format!("{}{}, {}", self.lateness(), self.moment, self.delay)
    }

    /// The same for a platform that shows the moment itself.
    pub(super) fn delayed(&self) -> String {
        format!("{}{}", self.lateness(), self.delay)
    }

    fn lateness(&self) -> String {
        let deleted = self.deleted.as_ref().map_or_else(String::new, |at| format!("🗑️ deleted {at} · "));
        let late = self.late.map_or_else(String::new, |late| format!("⚠️ {late} · "));
        deleted + &late
    }

    /// The facts, those of one name together, the name in the plural where there are several.
    pub(super) fn grouped(&self) -> Vec<(String, Vec<&Fact>)> {
        let mut groups: Vec<(String, Vec<&Fact>)> = Vec::new();
        for fact in &self.facts {
            match groups.last_mut() {
                Some((_, group)) if group.first().is_some_and(|first| first.name == fact.name) => group.push(fact),
                _ => groups.push((fact.name.to_owned(), vec![fact])),
            }
        }
        for (name, group) in &mut groups {
            if group.len() > 1 {
                name.push('s');
            }
        }
        groups
    }
}

/// One thing worth knowing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fact {
    /// What it is, in our words: `Token`, `Matched`, `Bio`.
    pub(super) name: &'static str,
    /// In reading order.
    pub(super) pieces: Vec<Piece>,
    /// How many this one stands for, when it is no fact but says that there are more.
    pub(super) more: usize,
}

/// A piece of a fact.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    /// Our words.
    Ours(String),
    /// Somebody else's, on one line.
    Theirs(String),
    /// Somebody else's, of several lines perhaps.
    Block(String),
    /// To be copied, of characters that no platform takes for markup: letters, digits, `:`, `-`, `_`, `.`, `/`.
    Code(String),
    /// An account by its handle, which is nothing but one, and what it posted, by a link of ours.
    Post {
        /// `@orbitlab_xyz`.
        handle: String,
        /// The post's page.
        url: String,
    },
}

impl Piece {
    /// Its words, whoever's they are.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Ours(text) | Self::Theirs(text) | Self::Block(text) | Self::Code(text) | Self::Post { handle: text, .. } => {
                text
            }
        }
    }
}

/// The card of a firing.
pub(super) fn card(firing: &Firing) -> Card {
    let subject = &firing.subject;
    let kind = subject.tweet().and_then(Tweet::kind);
    let is_silence = firing.window.as_ref().is_some_and(|told| told.kind == "silence");
    let silent = ("🔇", 0x8b_98_a5, SILENT);
    let (emoji, color, did) = if is_silence { silent } else { look(subject.event, kind.as_ref()) };
    let mut card = Card {
        emoji,
        color,
        did,
        title: Title { rule: sanitise::line(&firing.rule), written: None, about: about(firing) },
        who: Some(Who::of(subject.actor())),
        facts: facts::of(firing),
        moment: words::moment(subject.at, firing.at),
        delay: words::delay(firing.at.since(subject.at)),
        late: late(firing.origin),
        at: subject.at,
        ..Card::default()
    };
    match &subject.about {
        About::Tweet(tweet) => {
            of_tweet(&mut card, tweet);
            // Of a rule on deletions that is what it is about.
            if let Some(at) = tweet.deleted_at.filter(|_| subject.event == Event::Tweet && !is_silence) {
                card.emoji = GONE.0;
                card.color = GONE.1;
                card.deleted = Some(words::moment(at, subject.at));
            }
        }
        About::Account(event) => {
            card.whom = event.target.as_ref().map(Who::of);
            card.link = card.whom.as_ref().or(card.who.as_ref()).and_then(|shown| shown.link.clone());
            card.link_label = "Open profile";
        }
    }
    card
}

/// The pictogram and the colour of what was deleted.
const GONE: (&str, u32) = ("🗑️", 0xe0_24_5e);

/// What somebody has done of whom nothing was heard for the time of a window.
const SILENT: &str = "has fallen silent";

fn of_tweet(card: &mut Card, tweet: &Tweet) {
    let said = |text: &str| Some(sanitise::written(text).into_owned()).filter(|text| !text.is_empty());
    card.text = tweet.text.as_deref().and_then(said);
    if tweet.text.is_none() && card.did != SILENT {
        card.note = Some(format!("Post {} was not seen before: its text is not known.", numeric(tweet)));
    }
    if let Some(reference) = &tweet.reference {
        card.quoted = reference.text.as_deref().and_then(said);
        // A retweet repeats the words of the other tweet.
        if card.quoted.is_some() && card.quoted == card.text {
            card.quoted = None;
        }
        let whom = Who::of(&reference.author);
        card.whom = (whom.name.is_some() || whom.handle.is_some()).then_some(whom);
    }
    card.link = link::tweet(&tweet.id, &tweet.author);
    // Of a silence, the tweet is what was last heard.
    card.link_label = if card.did == SILENT { "Open their last post" } else { "Open post" };
    card.picture = link::first_picture(tweet);
}

/// The tweet's id, when it is a number.
fn numeric(tweet: &Tweet) -> &str {
    if tweet.id.is_numeric() { tweet.id.as_str() } else { "without a number" }
}

/// The message in our own words alone, for when the full one is refused: no text, no display name, no symbols.
pub(super) fn fallback(full: &Card) -> Card {
    Card {
        emoji: full.emoji,
        color: full.color,
        title: Title { rule: full.title.rule.clone(), ..Title::default() },
        did: full.did,
        who: full.who.as_ref().map(Who::bare),
        whom: full.whom.as_ref().and_then(|whom| whom.handle.is_some().then(|| whom.bare())),
        note: Some("The full message was refused, so this one leaves out what was said.".to_owned()),
        link: full.link.clone(),
        link_label: full.link_label,
        moment: full.moment.clone(),
        delay: full.delay.clone(),
        late: full.late,
        deleted: full.deleted.clone(),
        at: full.at,
        ..Card::default()
    }
}

/// The card whose text a template wrote: of the rest stay who did what, the link and the time.
pub(super) fn rewritten(full: Card, text: String) -> Card {
    let unnamed = |who: Who| Who { name: None, ..who };
    Card {
        who: full.who.map(unnamed),
        whom: full.whom.map(unnamed),
        quoted: None,
        note: None,
        facts: Vec::new(),
        text: Some(text).filter(|text| !text.is_empty()),
        ..full
    }
}

/// What `birdcall send ACTION` sends.
pub(super) fn test(action: &str, at: Timestamp) -> Card {
    let name = sanitise::line(action);
    Card {
        emoji: "🧪",
        color: 0x8b_98_a5,
        title: Title { rule: "birdcall test".to_owned(), ..Title::default() },
        note: Some("This is only a test: nobody posted anything, and no rule has fired.".to_owned()),
        facts: vec![Fact { name: "Action", pieces: vec![Piece::Theirs(name)], more: 0 }],
        moment: words::moment(at, at),
        delay: "sent by hand".to_owned(),
        at,
        ..Card::default()
    }
}

/// Pictogram, colour and verb. Colours tell kinds apart at a glance: blue speaks, green joins, red goes.
fn look(event: Event, kind: Option<&Kind>) -> (&'static str, u32, &'static str) {
    match (event, kind) {
        (Event::Tweet, None | Some(Kind::Post | Kind::Other(_))) => ("🔔", 0x1d_9b_f0, "posted"),
        (Event::Tweet, Some(Kind::Reply)) => ("💬", 0x5b_70_83, "replied"),
        (Event::Tweet, Some(Kind::Quote)) => ("🗨️", 0x78_56_ff, "quoted"),
        (Event::Tweet, Some(Kind::Retweet)) => ("🔁", 0x00_ba_7c, "reposted"),
        (Event::Delete, _) => (GONE.0, GONE.1, "deleted a post"),
        (Event::Pin, _) => ("📌", 0xff_ad_1f, "pinned a post"),
        (Event::Unpin, _) => ("📍", 0x8b_98_a5, "unpinned a post"),
        (Event::ProfileUpdate, _) => ("🪪", 0xff_7a_00, "changed their profile"),
        (Event::Follow, _) => ("➕", 0x17_bf_63, "followed"),
        (Event::Unfollow, _) => ("➖", 0xe0_24_5e, "unfollowed"),
    }
}

fn late(origin: Origin) -> Option<&'static str> {
    match origin {
        Origin::Live => None,
        Origin::Backfill => Some("late: fetched after a gap"),
        Origin::Replay => Some("late: replayed"),
    }
}

/// What the firing is about: its element, or the only thing that was found in the tweet. Of several the tweet's author chooses the
/// order, so that none of them may stand for the tweet.
fn about(firing: &Firing) -> Option<String> {
    match &firing.element {
        Some(Element::Token(token)) => return of_token(token),
        Some(Element::Market(market)) => return of_market(market),
        Some(Element::Prediction(prediction)) => return of_prediction(prediction),
        None => {}
    }
    let tweet = firing.subject.tweet()?;
    match (tweet.tokens.as_slice(), tweet.markets.as_slice(), tweet.predictions.as_slice()) {
        ([token], [], []) => of_token(token),
        ([], [market], []) => of_market(market),
        ([], [], [prediction]) => of_prediction(prediction),
        _ => None,
    }
}

fn of_token(token: &Token) -> Option<String> {
    let contract = || token.address.map(|address| words::short(&address.to_string()));
    let name = token.symbol.as_deref().and_then(symbol).or_else(contract)?;
    Some(priced(&name, token.price))
}

fn of_market(market: &Market) -> Option<String> {
    Some(priced(&symbol(market.symbol.as_deref()?)?, market.price))
}

fn of_prediction(prediction: &Prediction) -> Option<String> {
    let exchange = symbol(prediction.exchange.as_deref()?)?;
    Some(prediction.price.map_or_else(|| exchange.clone(), |price| format!("{exchange} {}", facts::share(price))))
}

fn priced(name: &str, price: Option<Price>) -> String {
    price.map_or_else(|| name.to_owned(), |price| format!("{name} {}", words::usd(price.usd())))
}

/// A symbol that may stand among our own words: a few ASCII letters and digits, and a dot as in `BRK.B`. What could be taken for a
/// domain, which has two letters after a dot, is none.
pub(super) fn symbol(written: &str) -> Option<String> {
    let clean = sanitise::line(written);
    let bare = clean.strip_prefix('$').unwrap_or(&clean);
    let parts = || bare.split('.');
    let plain = parts().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let domain = parts().skip(1).any(|part| part.len() > 1);
    ((1..=15).contains(&bare.len()) && plain && !domain).then(|| bare.to_owned())
}

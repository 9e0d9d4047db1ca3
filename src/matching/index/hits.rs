//! subject → keys: everything about it that rules are found by. Each sort is worked out only when some rule asks for it.

use super::Index;
use super::atoms::FieldSet;
use super::keys::{Flag, Name};
use super::scratch::Scratch;
use crate::matching::facts::{Facts, Field, NormalText, Whom};
use crate::matching::matchers::host;
use crate::matching::text;
use crate::model::address::Address;
use crate::model::ids::{normal_handle, normal_symbol};
use crate::model::subject::{Account, ProfileField};

impl Index {
    /// Marks all that the subject has.
    pub(super) fn mark(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        self.mark_accounts(facts, scratch);
        self.mark_kinds(facts, scratch);
        self.mark_texts(facts, scratch);
        self.mark_tried(facts, scratch);
        self.mark_symbols(facts, scratch);
        self.mark_addresses(facts, scratch);
        self.mark_detected(facts, scratch);
        self.mark_links(facts, scratch);
    }

    fn mark_name(&self, set: Name, name: &str, scratch: &mut Scratch) {
        if let Some(key) = self.keys.name(set, name) {
            self.hit(key, FieldSet::EVERYWHERE, scratch);
        }
    }

    fn mark_flag(&self, flag: Flag, holds: impl FnOnce() -> bool, scratch: &mut Scratch) {
        if let Some(key) = self.keys.flag(flag)
            && holds()
        {
            self.hit(key, FieldSet::EVERYWHERE, scratch);
        }
    }

    fn mark_accounts(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        let mut mark = |account: &Account<&str>, handle: Name, id: Name| {
            if let Some(known) = account.id {
                self.mark_name(id, known, scratch);
            }
            if let Some(known) = account.handle.filter(|_| self.keys.has_names(handle)) {
                self.mark_name(handle, &normal_handle(known), scratch);
            }
        };
        mark(facts.actor(), Name::Handle, Name::HandleId);
        let target = match facts.about() {
            Whom::Account(event) => event.target.as_ref(),
            Whom::Tweet(tweet) => tweet.reference.as_ref().map(|reference| &reference.author),
        };
        if let Some(target) = target {
            mark(target, Name::Target, Name::TargetId);
        }
        let Whom::Account(event) = facts.about() else { return };
        for change in &event.changes {
            self.mark_name(Name::Changed, change.field.name(), scratch);
            if change.field == ProfileField::Handle {
                for name in [&change.before, &change.after].into_iter().flatten() {
                    self.mark_name(Name::Handle, &normal_handle(name), scratch);
                }
            }
        }
    }

    fn mark_kinds(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        if self.keys.has_names(Name::Platform) {
            self.mark_name(Name::Platform, facts.actor().platform().name(), scratch);
        }
        if let Some(kind) = facts.tweet().and_then(|tweet| tweet.kind()).filter(|_| self.keys.has_names(Name::Kind)) {
            self.mark_name(Name::Kind, kind.name(), scratch);
        }
    }

    /// What is looked for without regard to case stands in the text folded as a whole, the rest in the text folded character by character.
    /// Mostly they are the same; where not, it is enough to be found in either.
    fn mark_texts(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        for field in self.searched.fields() {
            let Some(text) = facts.text(field) else { continue };
            let of = FieldSet::of(field);
            self.words.search(text, |key| self.hit(key, of, scratch));
            if text.is_plain() {
                self.texts.search(text.exact(), || text.cased(false), |key| self.hit(key, of, scratch));
                continue;
            }
            let whole = text.cased(false);
            self.texts.search(whole, || whole, |key| self.hit(key, of, scratch));
            if let Some(each) = text.folded_each() {
                self.texts.search(each, || each, |key| self.hit(key, of, scratch));
            }
        }
    }

    fn mark_tried(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        for field in self.tried.fields() {
            if let Some(text) = facts.text(field) {
                self.regexes.search(text.exact(), |key| self.hit(key, FieldSet::of(field), scratch));
            }
        }
    }

    fn mark_symbols(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        if self.keys.has_names(Name::Cashtag) {
            for field in self.tagged.fields() {
                for tag in facts.text(field).map(NormalText::cashtags).unwrap_or_default() {
                    if let Some(key) = self.keys.name(Name::Cashtag, tag) {
                        self.hit(key, FieldSet::of(field), scratch);
                    }
                }
            }
        }
        if !self.keys.has_names(Name::Symbol) {
            return;
        }
        if let Some(text) = facts.text(Field::Text) {
            text.cashtags().iter().for_each(|tag| self.mark_name(Name::Symbol, tag, scratch));
        }
        let detected = facts.tweet().map(|tweet| tweet.tokens.as_slice()).unwrap_or_default();
        for symbol in detected.iter().filter_map(|token| token.symbol) {
            self.mark_name(Name::Symbol, &normal_symbol(symbol), scratch);
        }
    }

    fn mark_addresses(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        if !self.keys.has_addresses() && self.keys.flag(Flag::Address).is_none() {
            return;
        }
        let mut mark = |address: Address, of: FieldSet| {
            self.mark_flag(Flag::Address, || true, scratch);
            if let Some(key) = self.keys.address(address) {
                self.hit(key, of, scratch);
            }
        };
        for field in self.addressed.fields() {
            let found = facts.text(field).map(NormalText::addresses).unwrap_or_default();
            found.iter().for_each(|address| mark(*address, FieldSet::of(field)));
        }
        let detected = facts.tweet().map(|tweet| tweet.tokens.as_slice()).unwrap_or_default();
        let elsewhere = facts.link_addresses().iter().copied().chain(detected.iter().filter_map(|token| token.address));
        elsewhere.for_each(|address| mark(address, FieldSet::EVERYWHERE));
    }

    fn mark_detected(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        self.mark_flag(Flag::Token, || !facts.tokens().is_empty(), scratch);
        let Some(tweet) = facts.tweet() else { return };
        let (markets, predictions) = (&tweet.markets, &tweet.predictions);
        self.mark_flag(Flag::Market, || !markets.is_empty(), scratch);
        self.mark_flag(Flag::Prediction, || !predictions.is_empty(), scratch);
        let mut prices = tweet.tokens.iter().map(|of| of.price);
        let mut others = markets.iter().map(|of| of.price).chain(predictions.iter().map(|of| of.price));
        self.mark_flag(Flag::Price, || prices.any(|price| price.is_some()) || others.any(|price| price.is_some()), scratch);
        if self.keys.has_names(Name::Market) {
            let names = markets.iter().flat_map(|market| [&market.symbol, &market.base]).flatten();
            names.for_each(|name| self.mark_name(Name::Market, &normal_symbol(name), scratch));
        }
        let ids = predictions.iter().filter_map(|of| of.id);
        ids.for_each(|id| self.mark_name(Name::Prediction, id, scratch));
        self.mark_flag(Flag::Media, || !tweet.media.is_empty(), scratch);
    }

    fn mark_links(&self, facts: &Facts<'_>, scratch: &mut Scratch) {
        if !self.keys.has_names(Name::Domain) && self.keys.flag(Flag::Link).is_none() {
            return;
        }
        let Some(tweet) = facts.tweet() else { return };
        let in_text = tweet.text.into_iter().flat_map(text::links);
        for url in tweet.urls.iter().map(|link| link.url).chain(in_text) {
            self.mark_flag(Flag::Link, || true, scratch);
            let host = host(url).unwrap_or_default().to_ascii_lowercase();
            // From the shortest end of it to the longest that any rule asks for: a host may be as long as a frame.
            let dots = host.rmatch_indices('.').map(|(dot, _)| dot + 1).chain([0]);
            let ends = dots.map(|begin| host.get(begin..).unwrap_or_default());
            for end in ends.take_while(|end| end.len() <= self.keys.longest(Name::Domain)) {
                self.mark_name(Name::Domain, end, scratch);
            }
        }
    }
}

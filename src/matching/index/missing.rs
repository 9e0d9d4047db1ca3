//! subject → which sorts of matchers may be unknown on it. Sorts are told apart, not single matchers: where one of a sort is unknown, all may be.

use std::ops::BitOr;

use crate::matching::evaluate::Reading;
use crate::matching::facts::{Facts, Field, Whom};
use crate::matching::matchers::{hides_a_link, is_post, missing_text};
use crate::matching::truth::Truth;

/// Parts of a subject that have not arrived, or those that a matcher looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Missing(u16);

impl Missing {
    pub(super) const NOTHING: Self = Self(0);
    /// Who wrote it.
    pub(super) const AUTHOR: Self = Self(1);
    /// Whom it replies to, quotes or retweets.
    pub(super) const TARGET: Self = Self(1 << 1);
    pub(super) const KIND: Self = Self(1 << 2);
    pub(super) const PLATFORM: Self = Self(1 << 3);
    /// Detections.
    pub(super) const META: Self = Self(1 << 4);
    /// Where the links lead.
    pub(super) const LINKS: Self = Self(1 << 5);
    pub(super) const MEDIA: Self = Self(1 << 6);

    /// How many sorts there are.
    const SORTS: usize = 12;

    /// One of the texts.
    pub(super) const fn text(field: Field) -> Self {
        Self(1 << (7 + field as u16))
    }

    pub(super) fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// What is missing of a subject on which nothing is settled yet, as far as it is among those asked.
    pub(super) fn of(facts: &Facts<'_>, asked: Self) -> Self {
        let lacking = (0..Self::SORTS).map(|sort| Self(1 << sort)).filter(|sort| asked.meets(*sort) && sort.lacks(facts));
        lacking.fold(Self::NOTHING, |all, sort| all | sort)
    }

    /// Whether a subject lacks what this one sort is about.
    fn lacks(self, facts: &Facts<'_>) -> bool {
        match self {
            Self::AUTHOR => facts.tweet().is_some_and(|tweet| tweet.author.handle.is_none()),
            Self::TARGET => lacks_target(facts),
            Self::KIND => facts.tweet().is_some_and(|tweet| tweet.kind().is_none()),
            Self::PLATFORM => facts.actor().platform.is_none() && !facts.has_content(),
            Self::META => !facts.has_meta(),
            Self::LINKS => facts.tweet().is_some_and(hides_a_link),
            Self::MEDIA => facts.tweet().is_some_and(|tweet| !tweet.parts.update),
            text => Field::ALL.into_iter().find(|field| Self::text(*field) == text).is_some_and(|field| lacks_text(facts, field)),
        }
    }
}

impl BitOr for Missing {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn lacks_target(facts: &Facts<'_>) -> bool {
    match facts.about() {
        Whom::Account(_) => false,
        Whom::Tweet(tweet) => tweet.reference.as_ref().map_or(!is_post(tweet), |of| of.author.handle.is_none()),
    }
}

/// Names and bios are missing also where `author` alone asks for them, which is so of account events too.
fn lacks_text(facts: &Facts<'_>, field: Field) -> bool {
    let reading = Reading { settled: false, element: None };
    let own = matches!(field, Field::Name | Field::Bio);
    !facts.has_text(field) && (own || missing_text(field, facts, reading) == Truth::Unknown)
}

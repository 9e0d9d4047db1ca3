//! The same tweet or account with another sort of text: borrowed for looking at it, owned for keeping it.

use super::{
    Account, AccountEvent, Change, Kind, Link, Market, Media, Mention, Platform, Prediction, Reference, Str, Token, Tweet,
};

/// Writes `with` for a struct: which of its fields are texts, which hold some, which are lists of what holds some, and which say no texts.
macro_rules! texts {
    ($type:ident; texts $($text:ident)*; holding $($held:ident)*; maybe $($maybe:ident)*; lists $($list:ident)*; plain $($plain:ident)*; own $($own:ident)*) => {
        impl<S> $type<S> {
            /// The same with what `text` makes of every text.
            #[must_use]
            pub fn with<'s, T>(&'s self, text: impl Fn(&'s S) -> T + Copy) -> $type<T> {
                $type {
                    $($text: self.$text.as_ref().map(text),)*
                    $($held: self.$held.with(text),)*
                    $($maybe: self.$maybe.as_ref().map(|of| of.with(text)),)*
                    $($list: self.$list.iter().map(|of| of.with(text)).collect(),)*
                    $($plain: self.$plain.clone(),)*
                    $($own: text(&self.$own),)*
                }
            }
        }

        impl<S: AsRef<str>> $type<S> {
            /// The same, with borrowed texts.
            #[must_use]
            pub fn borrowed(&self) -> $type<&str> {
                self.with(AsRef::as_ref)
            }

            /// The same, with texts of its own.
            #[must_use]
            pub fn owned(&self) -> $type {
                self.with(|text| Str::from(text.as_ref()))
            }
        }
    };
}

macro_rules! words {
    ($type:ident: $($known:ident)*) => {
        impl<S> $type<S> {
            /// The same with what `text` makes of a word that we do not know.
            #[must_use]
            pub fn with<'s, T>(&'s self, text: impl FnOnce(&'s S) -> T) -> $type<T> {
                match self {
                    $(Self::$known => $type::$known,)*
                    Self::Other(word) => $type::Other(text(word)),
                }
            }
        }
    };
}

words! { Kind: Post Reply Quote Retweet }
words! { Platform: Twitter TruthSocial }

texts! { Tweet;
    texts text link ocr; holding author; maybe stated_kind reference; lists media mentions urls tokens markets predictions;
    plain id parts created_at received_at deleted_at; own
}
texts! { Account;
    texts id handle name avatar banner bio location url verified; holding; maybe platform; lists;
    plain followers following joined_at; own
}
texts! { AccountEvent; texts; holding actor; maybe target; lists changes; plain; own id }
texts! { Change; texts before after; holding; maybe; lists; plain field; own }
texts! { Media; texts kind thumbnail; holding; maybe; lists; plain; own url }
texts! { Mention; texts id handle name; holding; maybe; lists; plain; own }
texts! { Link; texts name tco; holding; maybe; lists; plain; own url }
texts! { Reference; texts text; holding author; maybe kind; lists media; plain tweet_id; own }
texts! { Token; texts symbol name contract chain; holding; maybe; lists; plain address network price sources; own }
texts! { Market; texts exchange symbol base quote url; holding; maybe; lists; plain price sources; own }
texts! { Prediction; texts exchange id title url; holding; maybe; lists; plain price sources; own }

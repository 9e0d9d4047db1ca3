//! What is read: texts of rules, and the lists that they take from elsewhere.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// One text.
#[derive(Clone)]
pub struct Source {
    /// Its path: of a file that was named, as the user typed it.
    pub name: String,
    /// All of it.
    pub text: String,
    /// What it is.
    pub kind: Kind,
}

/// What a text is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rules, or tests of them.
    Rules,
    /// A list: one value a line.
    List,
    /// A list that rules name and that could not be read; the reason stands in place of its values.
    Unread(String),
    /// The accounts that the key tracks, as the feed last said: a list, empty when it has never said so.
    Tracked,
    /// That list is kept, but could not be read; why.
    TrackedUnread(String),
}

impl Source {
    /// A file of rules.
    #[must_use]
    pub fn rules(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), kind: Kind::Rules }
    }

    /// A file of one value a line.
    #[must_use]
    pub fn list(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), kind: Kind::List }
    }

    /// A list that could not be read, with the reason.
    #[must_use]
    pub fn unread(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), text: String::new(), kind: Kind::Unread(why.into()) }
    }

    /// What is kept of the accounts that the key tracks.
    #[must_use]
    pub fn tracked(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), kind: Kind::Tracked }
    }

    /// Whether it stands for the accounts that the key tracks, known or not.
    #[must_use]
    pub fn is_tracked(&self) -> bool {
        matches!(self.kind, Kind::Tracked | Kind::TrackedUnread(_))
    }
}

impl fmt::Debug for Source {
    /// Without the text, in which secrets may stand in clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({:?}, {} bytes)", self.name, self.text.len())
    }
}

/// What rules take from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The files of lists: `kols = { file = "kols.txt" }`.
    pub files: BTreeSet<PathBuf>,
    /// The accounts that the key tracks: `kols = { tracked = true }`.
    pub tracked: bool,
}

/// What some files of rules need besides themselves, to be given to [`load`](super::load) with them. Whatever is wrong with it, that says.
#[must_use]
pub fn elsewhere(sources: &[Source]) -> Elsewhere {
    let mut found = Elsewhere::default();
    // Most rules have no lists, and need not be parsed for that.
    for source in sources.iter().filter(|source| source.kind == Kind::Rules && source.text.contains("lists")) {
        let (document, _) = DeTable::parse_recoverable(&source.text);
        let lists = document.get_ref().get("lists").and_then(|lists| lists.get_ref().as_table());
        for list in lists.into_iter().flatten().filter_map(|(_, list)| list.get_ref().as_table()) {
            let file = list.get("file").and_then(|file| file.get_ref().as_str());
            found.files.extend(file.map(|file| beside(&source.name, file)));
            found.tracked |= list.get("tracked").is_some_and(|tracked| matches!(tracked.get_ref(), DeValue::Boolean(true)));
        }
    }
    found
}

/// A path that stands in a file of rules: relative to it.
pub(super) fn beside(rules: &str, file: &str) -> PathBuf {
    Path::new(rules).parent().unwrap_or(Path::new("")).join(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_lists_are_looked_for_beside_the_rules_that_name_them() {
        let rules = "[lists]\na = { file = \"a.txt\" }\nb = [\"x\"]\nc = { file = 7 }\n[lists.d]\nfile = \"../d.txt\"\n";
        for (name, expected) in [
            ("rules.toml", ["../d.txt", "a.txt"]),
            ("./rules.toml", ["./../d.txt", "./a.txt"]),
            ("/etc/birdcall/rules.toml", ["/etc/birdcall/../d.txt", "/etc/birdcall/a.txt"]),
        ] {
            let found = elsewhere(&[Source::rules(name, rules)]);
            assert_eq!(found, Elsewhere { files: expected.iter().map(PathBuf::from).collect(), tracked: false }, "{name}");
        }
        let of = |text: &str| elsewhere(&[Source::rules("r.toml", text)]);
        assert!(of("[lists]\na = { tracked = true }").tracked && !of("[lists]\na = { tracked = false }").tracked);
        assert_eq!(of("lists = 7\n[lists]\n= ["), Elsewhere::default());
        assert_eq!(elsewhere(&[Source::list("l.txt", rules)]), Elsewhere::default(), "a list names none");
    }
}

//! Values that must never be printed. There is no `Display` and no `Serialize`; `Debug` says `***`.

use std::fmt;

/// A credential in the clear, held so that it cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the value in.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself. Every use is a place to review: it may go into a request and nowhere else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a rules file says that a secret is to be found. Reading it is the shell's work: rules never touch files or the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// `env:NAME`.
    Env(String),
    /// `file:PATH`; the file's text without its final line break.
    File(String),
    /// Written in clear in the rules file (`check` warns of it).
    Clear(Secret),
}

impl SecretSource {
    /// Reads `env:NAME` and `file:PATH`; anything else is the secret itself.
    #[must_use]
    pub fn parse(written: &str) -> Self {
        if let Some(name) = written.strip_prefix("env:") {
            Self::Env(name.trim().to_owned())
        } else if let Some(path) = written.strip_prefix("file:") {
            Self::File(path.trim().to_owned())
        } else {
            Self::Clear(Secret::new(written))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2");
        let source = SecretSource::parse("hunter2");
        assert_eq!(format!("{secret:?}"), "***");
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    #[test]
    fn a_source_is_env_file_or_the_secret_itself() {
        assert_eq!(SecretSource::parse("env:KEY"), SecretSource::Env("KEY".into()));
        assert_eq!(SecretSource::parse("file:/run/key"), SecretSource::File("/run/key".into()));
        assert_eq!(SecretSource::parse("abc"), SecretSource::Clear(Secret::new("abc")));
    }
}

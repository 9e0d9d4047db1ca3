//! A reference to a secret in, the secret out: read from the environment or a file, when the program starts and not before.

use std::io::Read as _;

use crate::model::action::SecretRef;
use crate::model::limits;
use crate::model::secret::{Secret, SecretSource};

/// Why a secret could not be read. Says where it was looked for, never what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No such environment variable.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// It is there, with nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// It is there, but no text.
    #[error("{0} is not valid UTF-8 text")]
    NotText(String),
    /// The file could not be read.
    #[error("the file {path} cannot be read: {reason}")]
    File {
        /// Which file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The file is too large to be a secret.
    #[error("the file {path} is larger than {} KiB, which no secret is", limits::SECRET_BYTES / 1024)]
    TooLarge {
        /// Which file.
        path: String,
    },
}

/// Reads a secret from where the rules file says that it is.
///
/// # Errors
/// When it is not there, empty, not text, or (a file) larger than [`limits::SECRET_BYTES`].
pub fn read(secret: &SecretRef) -> Result<Secret, SecretError> {
    match &secret.source {
        SecretSource::Env(name) => from_environment(name),
        SecretSource::File(path) => from_file(path),
        SecretSource::Clear(secret) => filled(secret.expose(), || "the secret".to_owned()),
    }
}

fn from_environment(name: &str) -> Result<Secret, SecretError> {
    let place = || format!("the environment variable {name}");
    // A name with `=` or NUL in it cannot be set, and an empty one neither.
    match std::env::var(name) {
        Ok(value) => filled(&value, place),
        Err(std::env::VarError::NotPresent) => Err(SecretError::Unset(name.to_owned())),
        Err(std::env::VarError::NotUnicode(_)) => Err(SecretError::NotText(place())),
    }
}

fn from_file(path: &str) -> Result<Secret, SecretError> {
    let failed = |reason: String| SecretError::File { path: path.to_owned(), reason };
    // Asked first: opening a FIFO would wait for a writer for ever.
    let kind = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?;
    if !kind.is_file() {
        return Err(failed("it is not a regular file".to_owned()));
    }
    let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    let bound = limits::SECRET_BYTES as u64 + 1;
    file.take(bound).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    if bytes.len() > limits::SECRET_BYTES {
        return Err(SecretError::TooLarge { path: path.to_owned() });
    }
    let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(format!("the file {path}")))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    filled(text.strip_suffix('\r').unwrap_or(text), || format!("the file {path}"))
}

fn filled(value: &str, place: impl Fn() -> String) -> Result<Secret, SecretError> {
    if value.trim().is_empty() {
        return Err(SecretError::Empty(place()));
    }
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(source: SecretSource) -> Result<Secret, SecretError> {
        read(&SecretRef { source, span: crate::model::action::Span::default() })
    }

    fn file(path: &Path) -> Result<Secret, SecretError> {
        at(SecretSource::File(path.to_str().unwrap().to_owned()))
    }

    #[test]
    fn a_variable_is_read_and_one_that_is_not_set_is_named() {
        // PATH is set wherever tests run; setting a variable of our own would race with other tests.
        assert_eq!(at(SecretSource::Env("PATH".into())).unwrap().expose(), std::env::var("PATH").unwrap());
        let error = at(SecretSource::Env("BIRDCALL_SURELY_UNSET".into())).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable BIRDCALL_SURELY_UNSET is not set");
        assert!(matches!(at(SecretSource::Env(String::new())), Err(SecretError::Unset(_))));
    }

    #[test]
    fn a_file_is_read_without_its_final_line_break_only() {
        let folder = tempfile::tempdir().unwrap();
        for (text, secret) in [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" abc \n\n", " abc \n")] {
            let path = folder.path().join("secret");
            std::fs::write(&path, text).unwrap();
            assert_eq!(file(&path).unwrap().expose(), secret, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_with_its_path_and_without_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let shown = path.to_str().unwrap().to_owned();
        let cases: [(&[u8], &str); 3] =
            [(b" \n", "empty"), (b"canary\xff", "UTF-8"), (&[b'x'; limits::SECRET_BYTES + 1], "64 KiB")];
        for (bytes, word) in cases {
            std::fs::write(&path, bytes).unwrap();
            let error = file(&path).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(word) && text.contains(&shown) && !text.contains("canary"), "{text}");
        }
        for missing in [folder.path(), Path::new("/nowhere/at/all")] {
            let text = file(missing).unwrap_err().to_string();
            assert!(text.contains(missing.to_str().unwrap()) && text.contains("cannot be read"), "{text}");
        }
    }

    #[test]
    fn a_secret_in_clear_is_itself_unless_empty() {
        assert_eq!(at(SecretSource::Clear(Secret::new("abc"))).unwrap().expose(), "abc");
        assert!(matches!(at(SecretSource::Clear(Secret::new(""))), Err(SecretError::Empty(_))));
    }
}

//! Mistakes as workflow commands of GitHub Actions, which show them beside the lines of a pull request.

use std::fmt::Write as _;

use crate::cli::table::clean;
use crate::rules::{Diagnostic, Places, Severity, Source};

/// One command a line; nothing when there is nothing to say.
pub(super) fn written(diagnostics: &[Diagnostic], sources: &[Source]) -> String {
    let places = Places::of(sources);
    let mut out = String::new();
    for diagnostic in diagnostics {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        // Writing to a string does not fail.
        let _ = write!(out, "::{command} title={}", property(&format!("birdcall: {}", diagnostic.code)));
        if let Some(((from, to), name)) = diagnostic.span.and_then(|span| Some((places.locate(span)?, places.name(span.file)?))) {
            let _ = write!(out, ",file={},line={},endLine={}", property(name), from.line, to.line);
            // Columns are for marks within one line.
            if from.line == to.line {
                let _ = write!(out, ",col={},endColumn={}", from.column, to.column);
            }
        }
        let label = Some(&diagnostic.label).filter(|label| !label.is_empty());
        let lines = [Some(&diagnostic.message), label, diagnostic.help.as_ref()].into_iter().flatten();
        let lines: Vec<_> = lines.map(|line| escaped(&clean(line))).collect();
        let _ = writeln!(out, "::{}", lines.join("%0A"));
    }
    out
}

/// What stands behind the second `::`.
fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands before it.
fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::action::Span;

    #[test]
    fn nothing_that_a_file_says_is_a_command_of_its_own() {
        let evil = "100%\r\n::error::x, y: z\u{1b}[31m";
        let sources = [Source::rules("a,b:c%.toml\n::set-output name=x::y", "x\ny")];
        let mistake = |end| Diagnostic {
            severity: Severity::Error,
            code: "bad",
            message: evil.to_owned(),
            span: Some(Span { file: 0, start: 0, end }),
            label: String::new(),
            more: Vec::new(),
            help: Some(evil.to_owned()),
        };
        let out = written(&[mistake(1), mistake(3)], &sources);
        let place = "file=a%2Cb%3Ac%25.toml%0A%3A%3Aset-output name=x%3A%3Ay,line=1";
        let [one, two] = out.lines().collect::<Vec<_>>()[..] else { panic!("two lines: {out}") };
        assert!(one.starts_with(&format!("::error title=birdcall%3A bad,{place},endLine=1,col=1,endColumn=2::100%25")), "{one}");
        assert!(two.contains(&format!("{place},endLine=2::")), "{two}");
        assert!(one.contains("%0A100%25") && !one.contains('\u{1b}'), "{one}");
        assert_eq!(written(&[], &sources), "");
    }
}

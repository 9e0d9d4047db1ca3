//! What never does what is meant, by the look of a regex as it is written.

use regex_syntax::ast::{self, AssertionKind, Ast};

use super::Problem;
use crate::rules::normal;

/// Finds `$TICKER` and `\b\$`, which never do what is meant, and what no text has.
#[derive(Default)]
pub(super) struct Never {
    previous: Option<(Before, ast::Span)>,
    /// So many alternatives and repetitions that may be left out are around: what cannot match there is only one way of several.
    optional: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    EndOfText,
    Boundary,
    Blank,
}

impl ast::Visitor for Never {
    type Output = ();
    type Err = Problem;

    fn finish(self) -> Result<(), Problem> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Problem> {
        let previous = self.previous.take();
        self.optional += usize::from(may_be_left_out(ast));
        if let Some(blank) = blank(ast) {
            let from = previous.filter(|(before, _)| *before == Before::Blank).map(|(_, from)| from);
            let twice = from.map(|from| ast::Span::new(from.start, blank.end)).or_else(|| twice(ast));
            if let Some(span) = twice.filter(|_| self.optional == 0) {
                let help = "of several spaces in a row one is left before a text is searched: write one, or `\\s+`";
                return Err(Problem::new("never-matches", "no text has two spaces in a row when it is searched", help)
                    .at(&span, "never found"));
            }
            self.previous = Some((Before::Blank, blank));
            return Ok(());
        }
        match (ast, previous) {
            (Ast::Assertion(assertion), _) => {
                self.previous = match assertion.kind {
                    AssertionKind::EndLine => Some((Before::EndOfText, assertion.span)),
                    AssertionKind::WordBoundary => Some((Before::Boundary, assertion.span)),
                    _ => None,
                };
            }
            (Ast::Literal(literal), Some((Before::EndOfText, from))) if literal.c.is_alphanumeric() => {
                let help = "use `cashtag = \"DOGE\"`, which finds $DOGE as X does; in a regex the sign itself is `\\$`";
                let span = ast::Span::new(from.start, literal.span.end);
                return Err(Problem::new("dollar-in-regex", "`$` is the end of the text, so nothing can follow it", help)
                    .at(&span, "never matches"));
            }
            (Ast::Literal(literal), Some((Before::Boundary, from))) if literal.c == '$' => {
                let help = "use `cashtag = \"DOGE\"`, which finds $DOGE as X does; or leave the `\\b` out";
                let span = ast::Span::new(from.start, literal.span.end);
                return Err(Problem::new(
                    "dollar-in-regex",
                    "`\\b\\$` matches only where a letter or digit stands before the $",
                    help,
                )
                .at(&span, "misses ` $DOGE`"));
            }
            (Ast::Literal(literal), _) if self.optional == 0 || literal.c == BACKSPACE => return is_in_texts(literal),
            (Ast::Group(_) | Ast::Concat(_), previous) => self.previous = previous,
            _ => {}
        }
        Ok(())
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), Problem> {
        self.optional -= usize::from(may_be_left_out(ast));
        let may_be_empty = match ast {
            Ast::Alternation(_) => true,
            Ast::Repetition(of) => !matches!(of.op.kind, ast::RepetitionKind::OneOrMore) && twice(ast).is_none(),
            _ => false,
        };
        // What ends in one way or another says nothing of what stands before the next part.
        if may_be_empty {
            self.previous = None;
        }
        Ok(())
    }

    fn visit_alternation_in(&mut self) -> Result<(), Problem> {
        self.previous = None;
        Ok(())
    }
}

/// Whether what is in it need not be there: it is one of several alternatives, or repeated any number of times.
fn may_be_left_out(ast: &Ast) -> bool {
    match ast {
        Ast::Alternation(_) => true,
        Ast::Repetition(of) => match &of.op.kind {
            ast::RepetitionKind::ZeroOrOne | ast::RepetitionKind::ZeroOrMore => true,
            ast::RepetitionKind::OneOrMore => false,
            ast::RepetitionKind::Range(_) => least(of) == 0,
        },
        _ => false,
    }
}

/// How often it is there at least, where that is said in numbers.
fn least(of: &ast::Repetition) -> u32 {
    match &of.op.kind {
        ast::RepetitionKind::Range(
            ast::RepetitionRange::Exactly(least) | ast::RepetitionRange::AtLeast(least) | ast::RepetitionRange::Bounded(least, _),
        ) => *least,
        _ => 0,
    }
}

/// Where a part is that takes one blank, or several, and nothing else.
fn blank(ast: &Ast) -> Option<ast::Span> {
    match ast {
        Ast::Literal(literal) if literal.c == ' ' => Some(literal.span),
        Ast::ClassPerl(class) if class.kind == ast::ClassPerlKind::Space && !class.negated => Some(class.span),
        Ast::Repetition(of) if twice(ast).is_some() => blank(&of.ast),
        _ => None,
    }
}

/// Where a part is that takes two blanks at least.
fn twice(ast: &Ast) -> Option<ast::Span> {
    let Ast::Repetition(of) = ast else { return None };
    (least(of) >= 2 && blank(&of.ast).is_some()).then_some(of.span)
}

const BACKSPACE: char = '\u{8}';

/// Refuses a character that no text has once it is normalised.
fn is_in_texts(literal: &ast::Literal) -> Result<(), Problem> {
    if literal.c == ' ' {
        return Ok(());
    }
    let (written, normal) = (literal.c.to_string(), normal::normalise(&literal.c.to_string()));
    if literal.c == BACKSPACE {
        let help = "in double quotes TOML turns `\\b` into this character: write the regex in single quotes, '\\bword\\b'";
        return Err(Problem::new("never-matches", "this is a backspace, not the end of a word", help)
            .at(&literal.span, "written as \\b in double quotes"));
    }
    if literal.c.is_whitespace() || literal.c.is_control() {
        let help =
            "line breaks, tabs and all kinds of spaces become one space before a text is searched: write a space, or `\\s`";
        return Err(Problem::new("never-matches", "no text has this character when it is searched", help)
            .at(&literal.span, "never found"));
    }
    if written == normal {
        return Ok(());
    }
    let help = match normal.as_str() {
        "" => "invisible characters are removed from a text before it is searched: remove it here too".to_owned(),
        normal => format!("texts are normalised before they are searched: write `{}`", regex::escape(normal)),
    };
    Err(Problem::new("never-matches", "no text has this character when it is searched", &help).at(&literal.span, "never found"))
}

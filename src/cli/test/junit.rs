//! Results as JUnit XML, as CI servers read it.

use std::fmt::Write as _;

use super::Ran;
use super::find::Broken;
use super::told::place;
use crate::render::sanitise::is_shown;

/// One `testsuite` for each file; one that cannot be run is an error.
pub(super) fn xml(ran: &[Ran], broken: &[Broken]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let count = |ran: &Ran| (ran.tests.len(), ran.tests.iter().filter(|(_, tested, _)| !tested.failures.is_empty()).count());
    let (tests, failures) = ran.iter().map(count).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    let seconds = |ran: &Ran| ran.tests.iter().map(|(.., took)| took.as_secs_f64()).sum::<f64>();
    let total: f64 = ran.iter().map(seconds).sum();
    let errors = broken.len();
    let tests = tests + errors;
    // Writing to a string does not fail.
    let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"");
    let _ = writeln!(out, "<testsuites name=\"birdcall\" {counts} time=\"{total:.3}\">");
    broken.iter().for_each(|of| one_broken(&mut out, of));
    for of in ran {
        let (tests, failures) = count(of);
        let name = escaped(&of.suite.source.name);
        let counts = format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"0\"");
        let _ = writeln!(out, "  <testsuite name=\"{name}\" {counts} time=\"{:.3}\">", seconds(of));
        for (_, tested, took) in &of.tests {
            let (line, _) = place(&of.suite.source, tested.span);
            let _ = write!(
                out,
                "    <testcase classname=\"{name}\" name=\"{}\" file=\"{name}\" line=\"{line}\" time=\"{:.3}\"",
                escaped(&tested.name),
                took.as_secs_f64()
            );
            if tested.failures.is_empty() {
                out.push_str("/>\n");
                continue;
            }
            out.push_str(">\n");
            for failure in &tested.failures {
                let (line, _) = place(&of.suite.source, failure.span);
                let message = format!("line {line}: expected: {}", failure.differs.expected);
                let found = failure.differs.found.iter().map(|found| format!("found: {found}")).collect::<Vec<_>>().join("\n");
                let _ = writeln!(out, "      <failure message=\"{}\">{}</failure>", escaped(&message), escaped(&found));
            }
            out.push_str("    </testcase>\n");
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn one_broken(out: &mut String, of: &Broken) {
    let (name, why) = (escaped(&of.file), escaped(&of.why));
    let first = escaped(of.why.lines().next().unwrap_or_default());
    let _ = writeln!(out, "  <testsuite name=\"{name}\" tests=\"1\" failures=\"0\" errors=\"1\" time=\"0\">");
    let _ = writeln!(out, "    <testcase classname=\"{name}\" name=\"it can be run\" file=\"{name}\" time=\"0\">");
    let _ = writeln!(out, "      <error message=\"{first}\">{why}</error>\n    </testcase>\n  </testsuite>");
}

/// As text and as an attribute's value; without what XML cannot hold, and inert on a terminal.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter if is_shown(letter) => out.push(letter),
            letter => out.push_str(&format!("&#x{:x};", u32::from(letter))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_name_breaks_the_document() {
        assert_eq!(super::escaped("a<b & \"c\"\u{1b}\u{0}\u{202e}]]>\n"), "a&lt;b &amp; &quot;c&quot;&#x202e;]]&gt;\n");
    }
}

//! Results as JUnit XML, as CI servers read it.

use std::fmt::Write as _;

use super::Ran;
use super::told::place;

/// One `testsuite` for each file.
pub(super) fn xml(ran: &[Ran]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let count = |ran: &Ran| (ran.tests.len(), ran.tests.iter().filter(|(_, tested, _)| !tested.failures.is_empty()).count());
    let (tests, failures) = ran.iter().map(count).fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    let seconds = |ran: &Ran| ran.tests.iter().map(|(.., took)| took.as_secs_f64()).sum::<f64>();
    let total: f64 = ran.iter().map(seconds).sum();
    // Writing to a string does not fail.
    let _ = writeln!(out, "<testsuites name=\"birdcall\" tests=\"{tests}\" failures=\"{failures}\" time=\"{total:.3}\">");
    for of in ran {
        let (tests, failures) = count(of);
        let name = escaped(&of.suite.source.name);
        let _ =
            writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" time=\"{:.3}\">", seconds(of));
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

/// As text and as an attribute's value; without what XML cannot hold.
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
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_in_a_name_breaks_the_document() {
        assert_eq!(super::escaped("a<b & \"c\"\u{1b}\u{0}]]>\n"), "a&lt;b &amp; &quot;c&quot;]]&gt;\n");
    }
}

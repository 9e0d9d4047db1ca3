//! `mode`, wherever it stands. Of several that apply the strictest wins.

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::names::choice;
use super::read::Field;
use crate::model::mode::Mode;

/// A written mode, or a report.
pub(super) fn read<'a>(check: &mut Check<'a>, field: Field<'a>) -> Option<Mode> {
    choice(check, field, &Mode::ALL.map(|mode| (mode.name(), mode)))
}

/// What counts of a written mode and those around it, each with the name of its place. Warns when the written one changes nothing because
/// one of the others is stricter: whoever wrote `armed` there may count on it.
pub(super) fn strictest<'a>(check: &mut Check<'a>, field: Option<Field<'a>>, around: &[(Mode, &str)]) -> Mode {
    let outer = around.iter().map(|(mode, _)| *mode).max().unwrap_or_default();
    let Some(field) = field else { return outer };
    let Some(own) = read(check, field) else { return outer };
    if own < outer {
        let place = around.iter().find(|(mode, _)| *mode == outer).map_or("", |(_, place)| *place);
        let message = format!("`mode = \"{}\"` changes nothing: {place} says `{}`", own.name(), outer.name());
        let mistake = Diagnostic::warning("overruled-mode", field.node.span, message);
        check.report(mistake.help("of several modes the strictest wins; write the milder one there, or remove this one"));
    }
    own.max(outer)
}

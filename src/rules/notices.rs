//! `notices` of `[feed]`: which actions are told what concerns the feed and the program itself. What is off or on paper sends nothing, so it is
//! told nothing.

use super::actions::Draft;
use super::check::Check;
use super::diagnostic::Diagnostic;
use super::read::Field;
use super::send::{self, Shared};
use crate::model::mode::Mode;

/// The actions that it names and that are armed, each once, in the order of the file.
pub(super) fn read<'a>(check: &mut Check<'a>, shared: &mut Shared<'a>, field: Field<'a>) -> Vec<usize> {
    let nodes: Vec<_> = match field.node.as_list() {
        Some(items) => items.collect(),
        // One action needs no list around it.
        None => vec![field.node],
    };
    // Where all is on paper, nothing goes wrong of which somebody should hear.
    let mode_of = |draft: &Draft| draft.action.as_ref().map_or(Mode::Armed, |action| action.mode);
    let any_armed = shared.actions.drafts.iter().any(|draft| mode_of(draft) == Mode::Armed);
    let (mut notices, mut silent) = (Vec::with_capacity(nodes.len()), Vec::new());
    for node in nodes {
        let Some(name) = node.text(check, field.name, "[\"desk\"]") else { continue };
        let Some(action) = send::find(check, shared, name, node.span) else { continue };
        if notices.contains(&action) {
            let mistake = Diagnostic::error("duplicate-name", node.span, "`notices` names the same action twice");
            check.report(mistake.label("here again").help("remove one of them"));
            continue;
        }
        let Some(draft) = shared.actions.drafts.get(action) else { continue };
        if draft.trading {
            let mistake =
                Diagnostic::error("notice-to-orders", node.span, format!("`{name}` places orders: it takes no notices"));
            check.report(mistake.also(draft.key, "has `trading = true`").help("name an action that people read"));
        } else if mode_of(draft) != Mode::Armed {
            silent.push(action);
            let mode = mode_of(draft);
            let how = if mode == Mode::Off { "off" } else { "on paper" };
            if mode == Mode::Off || any_armed {
                let mistake =
                    Diagnostic::warning("notice-to-nobody", node.span, format!("`{name}` is {how}, so it is told nothing"));
                check.report(mistake.help(format!("name another action, or remove `mode = \"{}\"` from it", mode.name())));
            }
        }
        notices.push(action);
    }
    notices.retain(|action| !silent.contains(action));
    notices
}

//! `notices` of `[feed]`: which actions are told what concerns the feed and the program itself. What is off is told nothing.

use super::check::Check;
use super::diagnostic::Diagnostic;
use super::read::Field;
use super::send::{self, Shared};
use crate::model::mode::Mode;

/// The actions that it names and that are not off, each once, in the order of the file.
pub(super) fn read<'a>(check: &mut Check<'a>, shared: &mut Shared<'a>, field: Field<'a>) -> Vec<usize> {
    let nodes: Vec<_> = match field.node.as_list() {
        Some(items) => items.collect(),
        // One action needs no list around it.
        None => vec![field.node],
    };
    let (mut notices, mut off) = (Vec::with_capacity(nodes.len()), Vec::new());
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
        } else if draft.action.as_ref().is_some_and(|action| action.mode == Mode::Off) {
            let mistake = Diagnostic::warning("notice-to-nobody", node.span, format!("`{name}` is off, so it is told nothing"));
            check.report(mistake.help("name another action, or remove `mode = \"off\"` from it"));
            off.push(action);
        }
        notices.push(action);
    }
    notices.retain(|action| !off.contains(action));
    notices
}

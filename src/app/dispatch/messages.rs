//! Messages that can be edited: what each says, what it is to say, and by which name the platform knows it. An edit goes to the lane when all
//! three are known and the first two differ.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashlink::LinkedHashMap;

use super::Dispatch;
use crate::deliver::Edit;
use crate::model::delivery::{Delivery, Form, Outcome, Report};
use crate::model::ids::FiringId;
use crate::model::limits::EDITABLE_MESSAGES;
use crate::model::message::Body;
use crate::model::revision::Revision;

/// By the firing and the action.
#[derive(Debug, Default)]
pub(in crate::app) struct Messages(LinkedHashMap<(FiringId, usize), Message, FixedState>);

#[derive(Debug, Default)]
struct Message {
    /// What it says, or is being edited to; nothing if it is not known.
    says: Option<Arc<Body>>,
    wanted: Option<Revision>,
    /// Its name with the platform, and whether it went as its fallback. `None`: it is on its way.
    sent: Option<(String, bool)>,
}

/// A message of an earlier run that arrived.
#[derive(Debug)]
pub(in crate::app) struct Arrived {
    pub(in crate::app) firing: FiringId,
    pub(in crate::app) action: usize,
    /// Its name with the platform.
    pub(in crate::app) message: String,
    pub(in crate::app) as_fallback: bool,
    /// What it says, if that is known.
    pub(in crate::app) says: Option<Arc<Body>>,
}

impl Messages {
    /// A message is on its way.
    pub(super) fn offered(&mut self, delivery: &Delivery) {
        let says = Some(Arc::clone(&delivery.body));
        self.insert((delivery.firing.id, delivery.action), Message { says, ..Message::default() });
    }

    /// One of an earlier run is on its way once more.
    pub(super) fn resumed(&mut self, delivery: &Delivery) {
        if let Some(message) = self.0.get_mut(&(delivery.firing.id, delivery.action)) {
            message.says = Some(Arc::clone(&delivery.body));
        }
    }

    fn insert(&mut self, key: (FiringId, usize), message: Message) {
        self.0.insert(key, message);
        if self.0.len() > EDITABLE_MESSAGES {
            self.0.pop_front();
        }
    }

    /// It is to say this.
    pub(super) fn wants(&mut self, revision: Revision) -> Option<Edit> {
        let message = self.0.get_mut(&(revision.firing, revision.action))?;
        message.wanted = Some(revision);
        message.edit()
    }

    /// A delivery has come to its end. What did not arrive as a message of its own is edited no more.
    pub(super) fn ended(&mut self, report: &Report) -> Option<Edit> {
        let key = (report.firing.id, report.action);
        let message = self.0.get_mut(&key)?;
        match &report.outcome {
            Outcome::Delivered { receipt, form: form @ (Form::Message | Form::Fallback) } if receipt.id().is_some() => {
                message.sent = receipt.id().map(|id| (id.to_owned(), *form == Form::Fallback));
                if *form == Form::Fallback {
                    message.says = None;
                }
                message.edit()
            }
            _ => {
                self.0.remove(&key);
                None
            }
        }
    }

    /// What an earlier run has sent, and what all messages are to say.
    pub(in crate::app) fn recovered(arrived: Vec<Arrived>, revisions: Vec<Revision>) -> Self {
        let mut all = Self::default();
        for revision in revisions {
            all.insert((revision.firing, revision.action), Message { wanted: Some(revision), ..Message::default() });
        }
        for Arrived { firing, action, message, as_fallback, says } in arrived {
            if let Some(of) = all.0.get_mut(&(firing, action)) {
                (of.sent, of.says) = (Some((message, as_fallback)), says);
            }
        }
        all
    }

    /// What has to be edited, of all.
    pub(super) fn due(&mut self) -> Vec<(usize, Edit)> {
        let due = self.0.iter_mut().filter_map(|((_, action), message)| Some((*action, message.edit()?)));
        due.collect()
    }

    /// What an action has had is another's now.
    pub(super) fn moved(&mut self, from: usize, to: usize) {
        let keys: Vec<_> = self.0.keys().filter(|(_, action)| *action == from).copied().collect();
        for key in keys {
            if let Some(mut message) = self.0.remove(&key) {
                if let Some(wanted) = &mut message.wanted {
                    wanted.action = to;
                }
                self.0.insert((key.0, to), message);
            }
        }
    }

    /// It could not be edited: it is not known any more what it says.
    pub(super) fn failed(&mut self, firing: FiringId, action: usize) {
        if let Some(message) = self.0.get_mut(&(firing, action)) {
            message.says = None;
        }
    }
}

impl Message {
    fn edit(&mut self) -> Option<Edit> {
        let (wanted, (id, as_fallback)) = (self.wanted.as_ref()?, self.sent.as_ref()?);
        let body = if *as_fallback { wanted.fallback.as_ref()? } else { &wanted.body };
        if self.says.as_ref() == Some(body) {
            return None;
        }
        self.says = Some(Arc::clone(body));
        Some(Edit { firing: wanted.firing, message: id.clone(), body: Arc::clone(body) })
    }
}

impl Dispatch {
    /// Has all messages edited that do not say what they are to say.
    pub(in crate::app) fn edit_all(&mut self) {
        for (action, edit) in self.messages.due() {
            self.lanes.edit(action, edit);
        }
    }

    /// A message is to say something else.
    pub(super) fn revise(&mut self, revision: Revision) {
        let action = revision.action;
        if let Some(edit) = self.messages.wants(revision) {
            self.lanes.edit(action, edit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::message::ConsoleBody;

    #[test]
    fn of_many_messages_the_latest_are_remembered() {
        let body = Arc::new(Body::Console(ConsoleBody::default()));
        let id = |n: usize| FiringId::of("gm", &n.to_string(), "");
        let revision = |n| Revision { firing: id(n), action: 0, body: Arc::clone(&body), fallback: None };
        let arrived = |n| Arrived { firing: id(n), action: 0, message: n.to_string(), as_fallback: false, says: None };
        let all = 0..EDITABLE_MESSAGES + 3;
        let mut messages = Messages::recovered(all.clone().map(arrived).collect(), all.map(revision).collect());
        let due = messages.due();
        assert_eq!(due.len(), EDITABLE_MESSAGES);
        assert_eq!(due.first().map(|(_, edit)| edit.message.as_str()), Some("3"));
        assert!(messages.due().is_empty(), "once");
    }
}

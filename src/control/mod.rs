//! A running instance and those who ask it: a socket in its state folder, one line of JSON each way.
//!
//! ```text
//!  birdcall status ──{"command":"status"}──> control.sock ──> Server::next() ──Ask──> the app
//!                  <──{"answer":"status",…}──────────────── Answerer::answer(…) <──────┘
//! ```
//!
//! The socket can be opened by the user that runs the instance, and by nobody else but root. Each connection carries one command and its
//! answer, which goes on for `tail`: one line for each thing that passes, as fast as the client takes them. What comes over it is bounded in bytes, number and time, and a client can do no harm but by a command that means it.

mod client;
mod line;
mod server;
mod tail;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::mute::{Mute, MuteStatus, Muted, WouldHold};
use crate::model::status::Status;

pub use client::{AskError, ask, ask_from_async};
pub use server::{Answerer, Ask, BindError, Server};
pub use tail::{Lines, TailFilter, TailLine, Tailing};

/// The socket's name in the state folder.
pub const SOCKET: &str = "control.sock";

/// Where the socket of the instance with this state folder is.
#[must_use]
pub fn socket(folder: &Path) -> PathBuf {
    folder.join(SOCKET)
}

/// What a running instance can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// How are you?
    Status,
    /// Send no orders from now on.
    Disarm {
        /// Why, in somebody's words: one line, at most [`REASON_CHARS`](crate::model::limits::REASON_CHARS).
        #[serde(default)]
        why: Option<String>,
    },
    /// Send orders again.
    Arm,
    /// Hold back what a rule fires, or what goes to an action, for a while.
    Mute(MuteCommand),
    /// End mutes before their time.
    Unmute {
        /// A mute's number, or the name of a rule or an action: all mutes of it.
        which: String,
        /// Whose name it is.
        #[serde(default)]
        what: Option<Muted>,
    },
    /// What is muted?
    Mutes,
    /// Read the rules files again, now.
    Reload {
        /// Though more than half of the rules are lost.
        #[serde(default)]
        force: bool,
    },
    /// Send deliveries again that ended without having arrived.
    Redeliver {
        /// Their ids, as `birdcall deliveries` shows them.
        ids: Vec<i64>,
        /// Orders too.
        #[serde(default)]
        orders: bool,
    },
    /// Say what passes, from now on, until I go.
    Tail(TailFilter),
}

/// What is to be muted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MuteCommand {
    /// The name of a rule or an action.
    pub name: String,
    /// Whose name it is; needed only where both have it.
    #[serde(default)]
    pub what: Option<Muted>,
    /// Only firings about this token: a symbol or a contract.
    #[serde(default)]
    pub token: Option<String>,
    /// Only firings on what this account does.
    #[serde(default)]
    pub handle: Option<String>,
    /// For so long, in milliseconds.
    pub for_ms: u64,
    /// Why, in somebody's words: as in `Disarm`.
    #[serde(default)]
    pub because: Option<String>,
    /// Say what it would have held, and mute nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// To `Status`.
    Status(Box<Status>),
    /// To `Arm` and `Disarm`.
    Switched {
        /// Whether orders go now.
        armed: bool,
        /// Whether they went before.
        before: bool,
        /// What else is to be known of it: that a restart will not remember, …
        note: Option<String>,
    },
    /// To `Mute`.
    Muted {
        /// As it is in force; with `dry_run`, as it would be.
        mute: Mute,
        /// It is in force.
        saved: bool,
        /// With `dry_run`, what it would have held of the last day. `None`: the note says why that is not known.
        would: Option<WouldHold>,
        /// What else is to be known of it.
        note: Option<String>,
    },
    /// To `Unmute`: these have ended.
    Unmuted {
        /// Each, with what it has held.
        mutes: Vec<MuteStatus>,
        /// What else is to be known of it.
        note: Option<String>,
    },
    /// To `Mutes`: what holds now, by number.
    Mutes {
        /// Each, with what it has held so far.
        mutes: Vec<MuteStatus>,
    },
    /// To `Reload`: the files are in force.
    Reloaded {
        /// What has changed, in words.
        said: String,
    },
    /// To `Redeliver`: one for each id, in their order.
    Redelivered {
        /// What becomes of each.
        deliveries: Vec<Redelivery>,
    },
    /// To `Tail`: one [`TailLine`] a line follows for each thing that passes.
    Tailing,
    /// It cannot be done, or was not understood.
    Refused {
        /// Why, in words.
        why: String,
    },
}

/// What becomes of one delivery that is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redelivery {
    /// Its id.
    pub id: i64,
    /// It is on its way again.
    pub accepted: bool,
    /// Where to, or why not, in words.
    pub said: String,
}

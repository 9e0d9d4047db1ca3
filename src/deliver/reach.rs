//! Whether a destination can be reached, asked without sending anything to anybody: its own question where it has one, a connection where it
//! has none. For people who have just written a rules file.

use std::sync::Arc;
use std::time::Duration;

use super::client::{Client, Gate, Request, SendError};
use super::connection::Place;
use super::target::Target;
use super::verdict::{Answer, Verdict};
use super::{ClientError, Common, profile};
use crate::model::action::Action;
use crate::model::limits::{CONNECT_TIMEOUT, REACH_TIMEOUT};

/// What a destination can be asked without anybody hearing of it.
pub(crate) enum Probe {
    /// These requests, one after the other. Each answer is judged by the destination's `found`.
    Ask(Vec<Request>),
    /// Nothing: it does something with whatever it gets.
    Connect,
}

/// Why a destination would not take what is sent to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    /// What is wrong, in its own words where it has any.
    pub what: String,
    /// What to do about it.
    pub todo: String,
}

impl Unreached {
    pub(crate) fn new(what: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { what: what.into(), todo: todo.into() }
    }
}

/// Asks one destination, within [`REACH_TIMEOUT`]: what it says of itself, or what is wrong and what to do.
///
/// # Errors
/// When the HTTP client cannot be set up.
pub async fn reach(action: &Action, target: &Target, common: &Common) -> Result<Result<String, Unreached>, ClientError> {
    let requests = match target.probe() {
        Probe::Ask(requests) => requests,
        Probe::Connect => return Ok(connect(target, common).await),
    };
    let mut profile = profile(action, target);
    profile.timeout = profile.timeout.min(REACH_TIMEOUT);
    let client = Client::new(&common.tls, profile, common.clock.clone())?;
    let asked = tokio::select! {
        biased;
        asked = tokio::time::timeout(REACH_TIMEOUT, ask(&client, target, requests, common)) => asked,
        () = Box::pin(client.drive()) => Ok(Err(nobody_answers("nobody drives the connection"))),
    };
    Ok(asked.unwrap_or_else(|_| Err(nobody_answers(&too_slow()))))
}

async fn ask(client: &Client, target: &Target, requests: Vec<Request>, common: &Common) -> Result<String, Unreached> {
    let mut found = Vec::new();
    for (step, request) in requests.into_iter().enumerate() {
        let not_after = common.clock.now().plus(2 * REACH_TIMEOUT);
        let answer = client.send(request, not_after, Arc::new(Gate::default())).await.map_err(|error| unanswered(&error))?;
        found.push(target.found(step, &answer)?);
    }
    Ok(found.join(", "))
}

/// TCP, and TLS where the URL has it.
async fn connect(target: &Target, common: &Common) -> Result<String, Unreached> {
    let url = target.url();
    let limit = CONNECT_TIMEOUT.min(REACH_TIMEOUT);
    let begun = common.clock.elapsed();
    match tokio::time::timeout(limit, Place::of(url, &common.tls).dial()).await {
        Ok(Ok(reached)) => {
            let took = common.clock.elapsed().saturating_sub(begun);
            let how = match (url.scheme(), reached.http2.is_some()) {
                ("https", true) => "TLS and HTTP/2 agreed on",
                ("https", false) => "TLS agreed on",
                _ => "connected, without TLS",
            };
            Ok(format!("{how} in {} ms; nothing was asked", took.as_millis()))
        }
        Ok(Err(error)) => {
            Err(nobody_answers(&format!("cannot connect: {}", super::words::shown(&target.scrub().text(&error.to_string())))))
        }
        Err(_) => Err(nobody_answers(&format!("cannot connect within {}", seconds(limit)))),
    }
}

fn unanswered(error: &SendError) -> Unreached {
    match error {
        SendError::Late | SendError::Held => nobody_answers(&too_slow()),
        SendError::NotSent(words) | SendError::Ambiguous(words) => nobody_answers(words),
    }
}

fn too_slow() -> String {
    format!("no answer within {}", seconds(REACH_TIMEOUT))
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// What to do when there was no answer, by what is said of it.
fn nobody_answers(what: &str) -> Unreached {
    let todo = if what.contains("certificate") {
        "its certificate is not one that this machine trusts: look at the host's name and the machine's clock; SSL_CERT_FILE names other authorities"
    } else if what.contains("refused") {
        "nothing listens there: start it, or correct the host and the port"
    } else if ["lookup", "resolve", "not known", "No address"].iter().any(|words| what.contains(words)) {
        "the host's name leads nowhere: correct it, or look at this machine's DNS"
    } else {
        "look at the URL's host, and at what stands between here and there: a firewall, a proxy"
    };
    Unreached::new(what, todo)
}

/// What to do after an answer that does not mean what only its destination knows about.
pub(crate) fn advice(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Throttled { .. } => Some("it is asked too often at the moment: try again in a while"),
        Verdict::Retry { .. } => Some("the destination has trouble of its own: try again in a while"),
        Verdict::Blocked { .. } => {
            Some("this is not its own answer, but that of a proxy before it or of a wrong address: look at both")
        }
        _ => None,
    }
}

/// An answer that was not what was hoped for, as its destination understands it.
pub(crate) fn refused(answer: &Answer, verdict: &Verdict, todo: &str) -> Unreached {
    let what = verdict.reason().map_or_else(|| answer.words(), str::to_owned);
    Unreached::new(what, advice(verdict).unwrap_or(todo))
}

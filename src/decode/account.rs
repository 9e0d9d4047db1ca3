//! The tables of the account and control families (PROTOCOL 3.5 to 3.8): which key is which field.

use super::object::fields;
use super::scalar::{filled, handle, id, moment, text};
use crate::model::envelope::{Caller, Callout, CalloutToken, Follow, HandleResult, HandlesResult, Profile, ProfileUpdate};

/// What can become of a handle, by the official types.
const STATES: [&str; 8] =
    ["added", "already_following", "invalid_input", "duplicate", "not_found", "failed", "removed", "not_following"];

fields! { ProfileUpdate<'de>;
    "kind" => kind: word(&["PROFILE"]),
    "eventId" => event_id: id,
    "observedAt" => observed_at: moment,
    "actor" => actor: whole,
    "changes" => changes: whole,
    "previous" => previous: whole,
}

fields! { Profile<'de>;
    "name" => name: text,
    "handle" => handle: handle,
    "bio" => bio: text,
    "avatar" => avatar: text,
    "banner" => banner: text,
    "location" => location: text,
}

fields! { Follow<'de>;
    "kind" => kind: word(&["FOLLOW", "UNFOLLOW"]),
    "eventId" => event_id: id,
    "observedAt" => observed_at: moment,
    "actor" => actor: whole,
    "target" => target: object,
}

fields! { Callout<'de>;
    "platform" => platform: word(&["pump_fun"]),
    "kind" => kind: word(&["callout"]),
    "calloutId" => callout_id: id,
    "createdAt" => created_at: moment,
    "receivedAt" => received_at: moment,
    "caller" => caller: whole,
    "token" => token: whole,
}

fields! { Caller<'de>;
    "username" => username: handle,
}

fields! { CalloutToken<'de>;
    "address" => address: filled,
    "chainId" => chain_id: filled,
}

fields! { HandlesResult<'de>;
    "action" => action: word(&["follow", "unfollow"]),
    "requestId" => request_id: id,
    "error" => error: filled,
    "results" => results: list,
}

fields! { HandleResult<'de>;
    "input" => input: text,
    "state" => state: word(&STATES),
    "handle" => handle: handle,
    "normalizedHandle" => normalized_handle: handle,
    "name" => name: filled,
    "profileImage" => profile_image: filled,
    "twitterId" => twitter_id: id,
    "message" => message: filled,
}

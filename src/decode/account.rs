//! The tables of the account and control families (PROTOCOL 3.5 to 3.8): which key is which field.

use super::object::fields;
use super::scalar::{filled, handle, id, moment, text};
use crate::model::envelope::{Caller, Callout, CalloutToken, Follow, HandleResult, HandlesResult, Profile, ProfileUpdate};

/// What can become of a handle, by the official types.
const STATES: [&str; 8] =
    ["added", "already_following", "invalid_input", "duplicate", "not_found", "failed", "removed", "not_following"];

fields! { ProfileUpdate<'de>;
    b"kind" => kind: word(&["PROFILE"]),
    b"eventId" => event_id: scalar(id),
    b"observedAt" => observed_at: scalar(moment),
    b"actor" => actor: whole,
    b"changes" => changes: whole,
    b"previous" => previous: whole,
}

fields! { Profile<'de>;
    b"name" => name: scalar(text),
    b"handle" => handle: scalar(handle),
    b"bio" => bio: scalar(text),
    b"avatar" => avatar: scalar(text),
    b"banner" => banner: scalar(text),
    b"location" => location: scalar(text),
}

fields! { Follow<'de>;
    b"kind" => kind: word(&["FOLLOW", "UNFOLLOW"]),
    b"eventId" => event_id: scalar(id),
    b"observedAt" => observed_at: scalar(moment),
    b"actor" => actor: whole,
    b"target" => target: object,
}

fields! { Callout<'de>;
    b"platform" => platform: word(&["pump_fun"]),
    b"kind" => kind: word(&["callout"]),
    b"calloutId" => callout_id: scalar(id),
    b"createdAt" => created_at: scalar(moment),
    b"receivedAt" => received_at: scalar(moment),
    b"caller" => caller: whole,
    b"token" => token: whole,
}

fields! { Caller<'de>;
    b"username" => username: scalar(handle),
}

fields! { CalloutToken<'de>;
    b"address" => address: scalar(filled),
    b"chainId" => chain_id: scalar(filled),
}

fields! { HandlesResult<'de>;
    b"action" => action: word(&["follow", "unfollow"]),
    b"requestId" => request_id: scalar(id),
    b"error" => error: scalar(filled),
    b"results" => results: list,
}

fields! { HandleResult<'de>;
    b"input" => input: scalar(text),
    b"state" => state: word(&STATES),
    b"handle" => handle: scalar(handle),
    b"normalizedHandle" => normalized_handle: scalar(handle),
    b"name" => name: scalar(filled),
    b"profileImage" => profile_image: scalar(filled),
    b"twitterId" => twitter_id: scalar(id),
    b"message" => message: scalar(filled),
}

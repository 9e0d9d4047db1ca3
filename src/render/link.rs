//! Ids, handles and URLs of the feed → links that we may put into a message. Nothing that a tweet's author writes chooses where a
//! link of ours leads (DESTINATIONS 2.2).

use url::{Host, Url};

use crate::model::ids::TweetId;
use crate::model::subject::{Account, Platform, Tweet};
use crate::model::window::Member;

/// Hosts of pictures that a platform may fetch.
const PICTURES: [&str; 3] = ["pbs.twimg.com", "video.twimg.com", "static-assets-1.truthsocial.com"];
/// Discord refuses longer ones.
const URL_CHARS: usize = 2_000;

/// A handle that can be nothing but a handle.
#[must_use]
pub fn handle(account: &Account) -> Option<&str> {
    account.handle.as_deref().filter(|handle| is_handle(handle))
}

/// Whether it can be nothing but a handle: letters of ASCII, digits and `_`, at most thirty.
pub(super) fn is_handle(text: &str) -> bool {
    (1..=30).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The tweet's own page, from its number (and on Truth Social the handle); never the link of the feed.
#[must_use]
pub fn tweet(id: &TweetId, author: &Account) -> Option<String> {
    if !id.is_numeric() {
        return None;
    }
    match author.platform() {
        Platform::Twitter => Some(format!("https://x.com/i/status/{id}")),
        Platform::TruthSocial => handle(author).map(|handle| format!("https://truthsocial.com/@{handle}/posts/{id}")),
        Platform::Other(_) => None,
    }
}

/// The page of a tweet that a window took in.
#[must_use]
pub fn member(of: &Member) -> Option<String> {
    let author =
        Account { handle: of.who.as_ref().map(|who| who.as_str().into()), platform: of.platform.clone(), ..Account::default() };
    tweet(of.tweet.as_ref()?, &author)
}

/// The account's page.
#[must_use]
pub fn profile(account: &Account) -> Option<String> {
    let handle = handle(account)?;
    match account.platform() {
        Platform::Twitter => Some(format!("https://x.com/{handle}")),
        Platform::TruthSocial => Some(format!("https://truthsocial.com/@{handle}")),
        Platform::Other(_) => None,
    }
}

/// A picture's URL when it is https and on a host of the networks that the feed reads.
#[must_use]
pub fn picture(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    let host = match parsed.host()? {
        Host::Domain(host) => host,
        Host::Ipv4(_) | Host::Ipv6(_) => return None,
    };
    let ours = parsed.scheme() == "https" && PICTURES.contains(&host) && parsed.port().is_none();
    let anonymous = parsed.username().is_empty() && parsed.password().is_none();
    (ours && anonymous && parsed.as_str().len() <= URL_CHARS).then(|| parsed.into())
}

/// The first picture of a tweet: an image, else a still of a video.
#[must_use]
pub fn first_picture(tweet: &Tweet) -> Option<String> {
    tweet.media.iter().find_map(|media| {
        let moving = matches!(media.kind.as_deref(), Some("video" | "gif"));
        let still = media.thumbnail.as_deref().and_then(picture);
        still.or_else(|| (!moving).then(|| picture(&media.url)).flatten().filter(|url| !url.contains("//video.")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_and_plain_handles_stand_in_links() {
        let account = |handle: &str, platform| Account { handle: Some(handle.into()), platform, ..Account::default() };
        let x = account("kairo_trades", None);
        let truth = account("realDonaldTrump", Some(Platform::TruthSocial));
        let id = TweetId::new("2067225747256360460");
        assert_eq!(tweet(&id, &x).as_deref(), Some("https://x.com/i/status/2067225747256360460"));
        assert_eq!(tweet(&id, &truth).as_deref(), Some("https://truthsocial.com/@realDonaldTrump/posts/2067225747256360460"));
        for bad in ["a/../../evil", "a b", "", "é", "@a", "a?x=1", &"a".repeat(31)] {
            assert_eq!(profile(&account(bad, None)), None, "{bad:?}");
            assert_eq!(tweet(&id, &account(bad, Some(Platform::TruthSocial))), None, "{bad:?}");
        }
        assert_eq!(tweet(&TweetId::new("1/evil"), &x), None);
        assert_eq!(tweet(&id, &account("a", Some(Platform::Other("farcaster".into())))), None);
    }

    #[test]
    fn pictures_come_from_the_networks_own_hosts_only() {
        assert!(picture("https://pbs.twimg.com/media/G.jpg").is_some());
        for bad in [
            "http://pbs.twimg.com/media/G.jpg",
            "https://pbs.twimg.com.evil.example/x.jpg",
            "https://evil.example/pbs.twimg.com.jpg",
            "https://pbs.twimg.com@evil.example/x.jpg",
            "https://user:pass@pbs.twimg.com/x.jpg",
            "https://pbs.twimg.com:8443/x.jpg",
            "javascript:alert(1)",
            "https://127.0.0.1/x.jpg",
            "//pbs.twimg.com/x.jpg",
            "",
        ] {
            assert_eq!(picture(bad), None, "{bad}");
        }
        assert_eq!(picture(&format!("https://pbs.twimg.com/{}", "a".repeat(3_000))), None);
    }
}

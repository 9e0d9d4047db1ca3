//! `birdcall check --connect` against stand-ins: what is there, what is not, what to do, and that nothing is sent.

use serde_json::{Value, json};

use crate::kit::binary::Home;
use crate::kit::book::StandIn;
use crate::kit::feed::KEY;
use crate::kit::http::{Door, Reply, Server};
use crate::kit::tls::Authority;
use crate::kit::{account, discord, slack, telegram, webhook};

/// All of them, and rules that name their accounts.
struct Desk {
    account: StandIn,
    discord: StandIn,
    telegram: StandIn,
    app: StandIn,
    hook: StandIn,
}

impl Desk {
    async fn tracking(account: Value) -> Self {
        Self {
            account: account::start(account).await,
            discord: discord::start(&[]).await,
            telegram: telegram::start(&[]).await,
            app: slack::start_app(&[]).await,
            hook: webhook::start().await,
        }
    }

    fn rules(&self, chat: i64) -> String {
        format!(
            "[feed]\nurl = \"ws://127.0.0.1:9/ws\"\nhistory = \"{}\"\n[lists]\nkols = [\"KolOne#12\", \"kol_tow\"]\n\
             [actions.desk]\ntype = \"discord\"\nurl = \"env:DISCORD\"\n\
             [actions.phone]\ntype = \"telegram\"\ntoken = \"env:TELEGRAM\"\nchat = {chat}\napi = \"{}\"\n\
             [actions.team]\ntype = \"slack\"\ntoken = \"env:SLACK\"\nchannel = \"C0123456789\"\napi = \"{}\"\n\
             [actions.bot]\ntype = \"webhook\"\nurl = \"env:HOOK\"\ntrading = true\nmax_age = \"3s\"\n\
             [actions.out]\ntype = \"console\"\n\
             [[rule]]\nname = \"r\"\nsend = [\"desk\", \"phone\", \"team\", \"bot\", \"out\"]\n\
             when = {{ handle = [\"@kols\", \"binance\"], contract = true, none = [{{ handle = \"spammer\" }}] }}\n",
            self.account.url(),
            self.telegram.url(),
            self.app.url()
        )
    }

    fn home(&self, chat: i64) -> Home {
        Home::with_rules(&self.rules(chat))
            .env("TWEETSTREAM_API_KEY", KEY)
            .env("DISCORD", &self.discord.url())
            .env("TELEGRAM", telegram::TOKEN)
            .env("SLACK", slack::TOKEN)
            .env("HOOK", &self.hook.url())
    }

    /// Nobody heard of it.
    fn assert_silent(&self) {
        for stand_in in [&self.account, &self.discord, &self.telegram, &self.app, &self.hook] {
            assert_eq!((stand_in.messages(), stand_in.violations()), (vec![], vec![]));
            assert!(stand_in.received().iter().all(|request| request.method == "GET"));
        }
        assert_eq!(self.hook.received().len(), 0, "a webhook is only connected to");
    }
}

/// Runs it beside the stand-ins; no credential is ever shown.
async fn connect(home: Home, arguments: &'static [&'static str]) -> (i32, String, String) {
    tokio::task::spawn_blocking(move || {
        let (code, out, said) = home.run(&[&["check", "--connect"], arguments].concat());
        for secret in [KEY, "CANARY", "canary4f9c", discord::TOKEN, telegram::TOKEN, slack::TOKEN] {
            assert!(!out.contains(secret) && !said.contains(secret), "{secret} was shown\n{out}{said}");
        }
        (code, out, said)
    })
    .await
    .unwrap()
}

/// One line of the table.
fn line<'o>(out: &'o str, name: &str) -> &'o str {
    out.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("no line of {name} in:\n{out}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_says_so_and_nothing_is_sent() {
    let desk = Desk::tracking(account::tracking(&["@KolOne", "kol_tow", "Binance"])).await;
    let (code, out, said) = connect(desk.home(telegram::CHAT), &[]).await;
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    for (name, words) in [
        ("127.0.0.1", "feed      ok     plan ELITE, tracks 3 of 250 accounts, 1 of 10 connections open"),
        ("desk", "discord   ok     the webhook \"desk\" of the channel 42"),
        ("phone", "telegram  ok     the bot @desk_bot, the supergroup \"Traders\""),
        ("team", "slack     ok     the app bird of Desk"),
        ("bot", "webhook   ok     connected, without TLS in "),
        ("out", "console   ok     prints"),
    ] {
        assert!(line(&out, name).contains(words), "{out}");
    }
    desk.assert_silent();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_the_key_does_not_track_is_underlined() {
    let desk = Desk::tracking(account::tracking(&["kol_two", "kolone"])).await;
    let (code, _, said) = connect(desk.home(telegram::CHAT), &[]).await;
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("warning[untracked-handle]: the key does not track `kol_tow`"), "{said}");
    assert!(said.contains("^^^^^^^^^ did you mean `kol_two`?") && said.contains("rules.toml:5:22"), "{said}");
    assert!(said.contains("the key does not track `binance`"), "{said}");
    assert!(!said.contains("`spammer`") && !said.contains("`kolone`"), "who is excluded need not be heard of: {said}");
    let (code, out, _) = connect(desk.home(telegram::CHAT), &["--strict", "--json"]).await;
    let warnings: Vec<Value> = serde_json::from_str(&out).unwrap();
    assert_eq!((code, warnings.len()), (1, 2), "{out}");
    assert_eq!(
        (&warnings[0]["code"], &warnings[0]["line"], &warnings[0]["column"]),
        (&"untracked-handle".into(), &5.into(), &22.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_account_does_not_say_is_not_held_against_the_rules() {
    for (account, words) in [
        (json!({ "plan": "BASIC" }), "plan BASIC, does not say which accounts the key tracks"),
        (json!({ "websocket": { "active": 2 } }), "2 connections open"),
        (json!([1]), "what answers there knows nothing of accounts"),
    ] {
        let desk = Desk::tracking(account).await;
        let (code, out, said) = connect(desk.home(telegram::CHAT), &[]).await;
        assert_eq!((code, said.as_str()), (0, ""), "{out}");
        assert!(line(&out, "127.0.0.1").contains(words), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_not_whole_accuses_nobody_and_a_long_word_is_cut() {
    for (tracked, words) in [
        (json!({ "count": 3, "handles": ["kolone"] }), "lists only 1 of 3"),
        (json!({ "handles": ["kolone", 7] }), "lists only 1 of 2"),
    ] {
        let desk = Desk::tracking(json!({ "plan": "E\u{1b}[31m".repeat(500), "trackedAccounts": tracked })).await;
        let (code, out, said) = connect(desk.home(telegram::CHAT), &[]).await;
        assert_eq!((code, said.as_str()), (0, ""), "{out}");
        let line = line(&out, "127.0.0.1");
        assert!(line.contains(words) && line.contains('…') && line.chars().count() < 250, "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_account_is_a_note_and_truth_social_is_not_looked_for() {
    let desk = Desk::tracking(account::tracking(&["newname", "kol_tow", "binance"])).await;
    let home = desk.home(telegram::CHAT);
    let truth = "[[rule]]\nname = \"t\"\nsend = [\"out\"]\nwhen = { platform = \"truth_social\", handle = \"potus\" }\n\
        [[rule]]\nname = \"u\"\nsend = [\"out\"]\nwhen = { platform = \"truth_social\", any = [{ handle = \"flotus\" }, { keyword = \"x\" }] }\n\
        [[rule]]\nname = \"v\"\nsend = [\"out\"]\nwhen = { handle = \"stranger\", keyword = \"y\" }\n\
        [[rule]]\nname = \"w\"\nsend = [\"out\"]\nwhen = { handle = \"stranger\", keyword = \"z\" }\n";
    home.write("rules.toml", &(desk.rules(telegram::CHAT) + truth));
    let (code, out, _) = connect(home, &["--json"]).await;
    let said: Vec<Value> = serde_json::from_str(&out).unwrap();
    let of: Vec<_> = said.iter().map(|d| (d["severity"].as_str().unwrap(), d["more"].as_array().unwrap().len())).collect();
    assert_eq!((code, of), (0, vec![("warning", 1), ("note", 0)]), "{out}");
    assert!(out.contains("`stranger`") && out.contains("nobody who is called `kolone`"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_off_or_unused_is_no_reason_to_fail_and_one_place_is_asked_once() {
    let desk = Desk::tracking(account::tracking(&[])).await;
    let hook = |name: &str, url: &str, rest: &str| format!("[actions.{name}]\ntype = \"discord\"\nurl = \"env:{url}\"\n{rest}");
    let rules = format!(
        "[feed]\nurl = \"ws://127.0.0.1:9/ws\"\nnotices = \"one\"\n{}{}{}{}[[rule]]\nname = \"r\"\nsend = [\"one\", \"two\", \"off\"]\nwhen = {{ keyword = \"x\" }}\n",
        hook("one", "DISCORD", ""),
        hook("two", "DISCORD", "max_age = \"5m\"\n"),
        hook("off", "NONE", "mode = \"off\"\n"),
        hook("unused", "NONE", "")
    );
    let home = Home::with_rules(&rules).env("DISCORD", &desk.discord.url());
    let (code, out, said) = connect(home, &[]).await;
    assert_eq!(code, 0, "{out}{said}");
    assert!(line(&out, "off").contains("  off ") && line(&out, "unused").contains("  unused "), "{out}");
    assert!(line(&out, "one").contains("  ok ") && line(&out, "two").contains("  ok "), "{out}");
    assert_eq!(desk.discord.received().len(), 1, "both go to the same place");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_ask_says_all_else_that_is_to_be_said() {
    let rules = "[lists]\nkols = [\"a\"]\n[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"gm\"\nsend = [\"out\"]\nwhen = { keyword = \"gm\" }\n";
    let home = || {
        let home = Home::with_rules(rules);
        home.write("empty.pem", "");
        let roots = home.path().join("empty.pem").to_str().unwrap().to_owned();
        home.env("SSL_CERT_FILE", &roots)
    };
    let (code, out, said) = connect(home(), &["--json"]).await;
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    let codes: Vec<_> = all.iter().map(|d| d["code"].as_str().unwrap()).collect();
    assert_eq!((code, said.as_str(), codes), (2, "", vec!["unused-list", "cannot-connect"]), "{out}");
    let (code, _, said) = connect(home(), &[]).await;
    assert!(code == 2 && said.contains("unused-list") && said.contains("cannot-connect"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn telegrams_token_is_doubted_only_where_telegram_does() {
    for (reply, words) in [
        (Reply::json(200, &json!({ "ok": true })), "no whole answer of the Bot API (HTTP 200"),
        (Reply::new(200, "<html>welcome</html>"), "no whole answer of the Bot API"),
        (
            Reply::json(400, &json!({ "ok": false, "error_code": 400, "description": "Bad Request" })),
            "no whole answer of the Bot API",
        ),
        (
            Reply::json(404, &json!({ "ok": false, "error_code": 404, "description": "Not Found" })),
            "HTTP 404: Not Found; the token is wrong",
        ),
    ] {
        let desk = Desk::tracking(account::tracking(&["kolone", "kol_tow", "binance"])).await;
        desk.telegram.say_next([reply]);
        let (code, out, _) = connect(desk.home(telegram::CHAT), &[]).await;
        assert!(code == 2 && line(&out, "phone").contains(words), "{words}: {out}");
        assert_eq!(line(&out, "phone").contains("token"), words.contains("token"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_without_accounts_is_said_to_have_none() {
    let desk = Desk::tracking(account::tracking(&[])).await;
    desk.account.say_next([Reply::json(404, &json!({ "error": "not found" }))]);
    let (code, out, said) = connect(desk.home(telegram::CHAT), &[]).await;
    assert_eq!((code, said.as_str()), (0, ""), "{out}");
    assert!(line(&out, "127.0.0.1").contains("there is no /me beside the history") && out.contains("HTTP 404"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_what_to_do() {
    let desk = Desk::tracking(account::tracking(&[])).await;
    let url = desk.discord.url().replace(discord::TOKEN, "other-CANARY-token");
    let home = desk
        .home(telegram::KICKED)
        .env("TWEETSTREAM_API_KEY", "wrong-CANARY-key")
        .env("DISCORD", &url)
        .env("SLACK", "xoxb-other-CANARY")
        .env("HOOK", "http://127.0.0.1:9/orders-CANARY");
    let (code, out, said) = connect(home, &[]).await;
    assert_eq!((code, said.as_str()), (2, ""), "{out}");
    for (name, words) in [
        ("127.0.0.1", "wrong  HTTP 401: invalid API key; the key is wrong or was taken back"),
        ("desk", "wrong  HTTP 401: Invalid Webhook Token (50027); the webhook is gone or the URL is not whole"),
        ("phone", "wrong  HTTP 403: Forbidden: bot was kicked from the supergroup chat; add the bot to the chat"),
        ("team", "wrong  HTTP 200: invalid_auth; the token is wrong or was taken back"),
        ("bot", "wrong  cannot connect: Connection refused (os error 111); nothing listens there"),
    ] {
        assert!(line(&out, name).contains(words), "{out}");
    }
    desk.assert_silent();
    let mut home = desk.home(7).env("SLACK", "no-token");
    home = home.env("DISCORD", "");
    let (code, out, said) = connect(home, &["--json"]).await;
    assert_eq!((code, said.as_str()), (2, ""), "{out}");
    let mistakes: Vec<Value> = serde_json::from_str(&out).unwrap();
    let of = |name: &str| {
        let about = |mistake: &&Value| mistake["message"].as_str().unwrap().starts_with(&format!("`{name}`"));
        mistakes.iter().find(about).unwrap_or_else(|| panic!("{name}: {out}"))
    };
    assert!(of("phone")["message"].as_str().unwrap().contains("chat not found"), "{out}");
    assert!(of("team")["message"].as_str().unwrap().contains("does not look like a Slack bot's token"), "{out}");
    assert!(of("desk")["message"].as_str().unwrap().contains("DISCORD is empty"), "{out}");
    assert_eq!((&of("phone")["code"], &of("phone")["line"]), (&"cannot-reach".into(), &9.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_may_not_post_is_wrong_before_it_has_to() {
    let desk = Desk::tracking(account::tracking(&["kolone", "kol_tow", "binance"])).await;
    let said = json!({ "ok": true, "team": "Desk", "user": "bird" });
    desk.app.say_next([Reply::json(200, &said).with("x-oauth-scopes", "users:read")]);
    let (code, out, _) = connect(desk.home(telegram::CHAT), &[]).await;
    assert!(code == 2 && line(&out, "team").contains("it lacks the scope chat:write; give the app"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_answers_is_waited_for_once_for_all() {
    let silent = Server::start(|_| Reply::new(200, "ok")).await;
    silent.set_door(Door::Ignore);
    let action = |name: &str| {
        format!(
            "[actions.{name}]\ntype = \"telegram\"\ntoken = \"env:T\"\nchat = 1\napi = \"{}\"\ntimeout = \"1s\"\n",
            silent.url()
        )
    };
    let names: Vec<_> = (0..20).map(|n| format!("a{n}")).collect();
    let actions: String = names.iter().map(|name| action(name)).collect();
    let rules = format!(
        "{actions}[[rule]]\nname = \"r\"\nsend = {names:?}\nwhen = {{ keyword = \"x\" }}\n[feed]\nurl = \"ws://127.0.0.1:9/ws\"\n"
    );
    let home = Home::with_rules(&rules).env("T", telegram::TOKEN);
    let begun = tokio::time::Instant::now();
    let (code, out, said) = connect(home, &[]).await;
    assert_eq!((code, said.as_str()), (2, ""), "{out}");
    assert!(begun.elapsed().as_secs() < 10, "one after the other it would take twenty seconds: {:?}", begun.elapsed());
    assert_eq!(out.matches("no complete answer within 1s").count(), 20, "{out}");
    assert!(line(&out, "127.0.0.1").contains("not asked which accounts the key tracks"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_agreed_on_by_tls_or_it_is_said_why_not() {
    let authority = Authority::new("trusted");
    let trusted = Server::start_tls(authority.server("localhost", 2099, &[b"http/1.1"]), |_| Reply::new(200, "ok")).await;
    let stranger = Authority::new("stranger");
    let strange = Server::start_tls(stranger.server("localhost", 2099, &[b"http/1.1"]), |_| Reply::new(200, "ok")).await;
    let rules = "[feed]\nurl = \"ws://127.0.0.1:9/ws\"\nnotices = \"one\"\n[actions.one]\ntype = \"webhook\"\nurl = \"env:ONE\"\n\
        [actions.two]\ntype = \"webhook\"\nurl = \"env:TWO\"\n[[rule]]\nname = \"r\"\nsend = [\"one\", \"two\"]\nwhen = { keyword = \"x\" }\n";
    let home = Home::with_rules(rules).env("ONE", &trusted.url()).env("TWO", &strange.url());
    home.write("roots.pem", &authority.pem());
    let roots = home.path().join("roots.pem").to_str().unwrap().to_owned();
    let (code, out, said) = connect(home.env("SSL_CERT_FILE", &roots), &[]).await;
    assert_eq!((code, said.as_str()), (2, ""), "{out}");
    assert!(line(&out, "one").contains("ok     TLS agreed on in "), "{out}");
    assert!(
        line(&out, "two").contains("certificate") && line(&out, "two").contains("SSL_CERT_FILE names other authorities"),
        "{out}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_rules_are_not_tried() {
    let desk = Desk::tracking(account::tracking(&[])).await;
    let home = desk.home(telegram::CHAT);
    home.write("rules.toml", &desk.rules(telegram::CHAT).replace("keyword", "x").replace("contract", "contrct"));
    let (code, out, _) = connect(home, &[]).await;
    assert_eq!((code, out.as_str(), desk.discord.received().len()), (1, "", 0));
}

//! The whole way, for real: the program itself between a simulated feed and stand-ins for the four destinations, over real sockets.

mod ends;

use serde_json::{Value, json};

use crate::kit::agreed::agreed;
use crate::kit::binary::Home;
use crate::kit::feed::{KEY, Rig};
use crate::kit::http::{Reply, Server};
use crate::kit::webhook::SECRET;
use crate::kit::{discord, slack, telegram, tls, webhook};

const ORBL: &str = "4Dx2BVEs6AwhhNsuAN3nHdFkbf7KK5h3aR9usdH2pump";

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn content(id: &str, text: &str) -> Value {
    json!({"v": 1, "t": "tweet", "op": "content", "id": id, "ts": now(), "d": {
        "tweetId": id, "kind": "post", "text": text, "createdAt": now(),
        "author": {"id": "1", "handle": "@kol", "name": "@everyone <b>*Kol*</b>"}}})
}

fn meta(id: &str, price: f64) -> Value {
    json!({"v": 1, "t": "tweet", "op": "meta", "id": id, "ts": now(), "d": {"tweetId": id, "detected": {"tokens": [
        {"symbol": "ORBL", "contract": ORBL, "chain": "solana", "priceUsd": price, "sources": ["text"]}]}}})
}

const RULES: &str = r#"
[feed]
key = "env:FEED_KEY"
[actions.desk]
type = "discord"
url = "env:DESK"
[actions.phone]
type = "telegram"
token = "env:TELEGRAM_TOKEN"
chat = -1001234567890
api = "TELEGRAM_API"
[actions.team]
type = "slack"
url = "env:TEAM"
[actions.bot]
type = "webhook"
url = "env:BOT"
secret = "env:BOT_SECRET"
trading = true
max_age = "30s"
[[rule]]
name = "drop"
send = ["desk", "phone", "team", { to = "bot", json = { action = "buy", contract = "{{ token.contract }}", price = "{{ token.price }}", note = "{{ tweet.text }}" } }]
[rule.when]
handle = "kol"
token = { chain = "solana", price = { below = 0.01 } }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_tweet_in_four_destinations_out() {
    let rig = Rig::plain().await;
    let (desk, phone, team, bot) =
        (discord::start(&[]).await, telegram::start(&[]).await, slack::start_webhook(&[]).await, webhook::start().await);
    let home = Home::with_rules(&RULES.replace("TELEGRAM_API", &phone.server.url()))
        .env("FEED_KEY", KEY)
        .env("DESK", &desk.url())
        .env("TELEGRAM_TOKEN", telegram::TOKEN)
        .env("TEAM", &team.url())
        .env("BOT", &bot.url())
        .env("BOT_SECRET", SECRET)
        .env("BIRDCALL_LOG", "trace");
    let url = rig.url.clone();
    let handle = rig.handle.clone();
    let (code, said) = tokio::task::spawn_blocking(move || {
        let mut program = home.start(&["run", "--url", &url]);
        program.wait_for("connected to the feed");
        let text = "gm @everyone <!channel> \"}{{ 7*7 }} \u{202E}\u{1b}[31m $ORBL";
        for frame in
            [content("2067225747256360460", text), meta("2067225747256360460", 0.002), meta("2067225747256360460", 0.002)]
        {
            handle.send(frame.to_string());
        }
        for _ in 0..4 {
            program.wait_for("verdict=\"delivered\"");
            program.forget("verdict=\"delivered\"");
        }
        agreed(&home);
        program.ask_to_stop();
        program.end()
    })
    .await
    .unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("3 envelopes") && said.contains("1 firing, 4 deliveries: 4 delivered"), "{said}");
    for stand_in in [&desk, &phone, &team, &bot] {
        assert_eq!(stand_in.violations(), Vec::<String>::new());
        assert_eq!(stand_in.messages().len(), 1);
    }
    let order = &bot.server.received()[0];
    webhook::verify(order, SECRET).unwrap();
    let body = order.json();
    assert_eq!(body["price"], json!(0.002), "a number stays a number");
    assert_eq!(body["contract"], json!(ORBL));
    assert!(body["note"].as_str().unwrap().contains("{{ 7*7 }}"), "{body}");
    for secret in [KEY, SECRET, discord::TOKEN, telegram::TOKEN] {
        assert!(!said.contains(secret), "a secret is in the log");
    }
    assert!(!said.contains('\u{1b}') && !said.contains('\u{202E}'), "a tweet reached the terminal raw");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_over_tls_with_an_authority_from_ssl_cert_file() {
    let authority = tls::Authority::new("birdcall tests");
    let rig = Rig::start(|options| options.tls = Some(authority.server_config("localhost", 2099, &[b"http/1.1"]))).await;
    let acceptor = authority.server("localhost", 2099, &[b"http/1.1"]);
    let bot = Server::start_tls(acceptor, |request| match webhook::verify(request, SECRET) {
        Ok(()) => Reply::new(204, ""),
        Err(what) => Reply::new(401, what),
    })
    .await;
    let rules = "[actions.bot]\ntype = \"webhook\"\nurl = \"env:BOT\"\nsecret = \"env:BOT_SECRET\"\n\
                 [[rule]]\nname = \"gm\"\nsend = [\"bot\"]\nwhen = { keyword = \"gm\" }\n";
    let home = Home::with_rules(rules)
        .env("TWEETSTREAM_API_KEY", KEY)
        .env("BOT", &format!("{}/orders", bot.url()))
        .env("BOT_SECRET", SECRET)
        .env("SSL_CERT_FILE", "authority.pem")
        .env("BIRDCALL_LOG", "debug");
    home.write("authority.pem", &authority.pem());
    let url = rig.url.replace("127.0.0.1", "localhost");
    let handle = rig.handle.clone();
    let said = tokio::task::spawn_blocking(move || {
        let mut program = home.start(&["run", "--url", &url]);
        program.wait_for("connected to the feed");
        handle.send(content("1", "gm").to_string());
        program.wait_for("verdict=\"delivered\"");
        program.ask_to_stop();
        program.end()
    })
    .await
    .unwrap();
    assert_eq!(said.0, 0, "{}", said.1);
    webhook::verify(&bot.received()[0], SECRET).unwrap();
    let whole = bot.received()[0].json();
    assert_eq!(whole["data"]["tweet"]["text"], json!("gm"), "{whole}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_is_found_again_at_once_and_nothing_fires_twice() {
    let rig = Rig::plain().await;
    let bot = webhook::start().await;
    let rules = "[actions.bot]\ntype = \"webhook\"\nurl = \"env:BOT\"\nsecret = \"env:BOT_SECRET\"\n\
                 [[rule]]\nname = \"gm\"\nsend = [\"bot\"]\nwhen = { keyword = \"gm\" }\n";
    let home = Home::with_rules(rules)
        .env("TWEETSTREAM_API_KEY", KEY)
        .env("BOT", &bot.url())
        .env("BOT_SECRET", SECRET)
        .env("BIRDCALL_LOG", "debug");
    let (url, handle) = (rig.url.clone(), rig.handle.clone());
    let (code, said) = tokio::task::spawn_blocking(move || {
        let mut program = home.start(&["run", "--url", &url]);
        program.wait_for("connected to the feed");
        let tweet = content("1", "gm").to_string();
        handle.send(tweet.clone());
        program.wait_for("verdict=\"delivered\"");
        program.forget("connected to the feed");
        handle.close(1012, "restarting");
        program.wait_for("connected to the feed");
        handle.send(tweet);
        handle.send(content("2", "gm").to_string());
        program.forget("verdict=\"delivered\"");
        program.wait_for("verdict=\"delivered\"");
        program.ask_to_stop();
        program.end()
    })
    .await
    .unwrap();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("2 firings, 2 deliveries: 2 delivered; feed lost 1 time"), "{said}");
    assert_eq!(bot.received().len(), 2);
}

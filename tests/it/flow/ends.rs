//! Held and closed outputs, signals, and what is said of what did not arrive: the program must go on, or end, whatever its reader does.

use std::time::{Duration, Instant};

use super::{Home, KEY, Reply, Rig, SECRET, Server, content, webhook};
use crate::kit::binary::{Program, Reader};
use crate::kit::http::Manner;

const ORDER: &str = "[actions.bot]\ntype = \"webhook\"\nurl = \"env:BOT\"\nsecret = \"env:BOT_SECRET\"\ntrading = true\nmax_age = \"60s\"\n\
                     [[rule]]\nname = \"gm\"\nsend = [\"bot\"]\nwhen = { keyword = \"gm\" }\n";
const PRINT: &str = "[actions.out]\ntype = \"console\"\n[[rule]]\nname = \"hi\"\nsend = [\"out\"]\nwhen = { keyword = \"hi\" }\n";
/// More lines of log, or messages, than a pipe and the program's own buffers hold.
const MANY: usize = 6_000;

fn home(rules: &str, bot: &str) -> Home {
    Home::with_rules(rules).env("TWEETSTREAM_API_KEY", KEY).env("BOT", bot).env("BOT_SECRET", SECRET)
}

/// Runs `test` beside the simulator and the stand-ins.
async fn beside<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(test).await.unwrap()
}

/// How it ended, what it said, and how long after the last word to it.
fn end(mut program: Program) -> (i32, String, Duration) {
    let asked = now();
    let (code, said) = program.end();
    (code, said, asked.elapsed())
}

async fn until(done: impl Fn() -> bool) {
    let begun = now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came to that");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "another process is timed")]
fn now() -> Instant {
    Instant::now()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_standard_error_holds_neither_orders_nor_the_end() {
    let rig = Rig::plain().await;
    let bot = webhook::start().await;
    let home = home(ORDER, &bot.url()).env("BIRDCALL_LOG", "debug");
    let program = home.start_with(&["run", "--url", &rig.url], Reader::NoErr);
    until(|| rig.handle.stats().open == 1).await;
    for n in 0..1_000 {
        rig.handle.send(content(&n.to_string(), "gm").to_string());
        // The lane holds a thousand; in step with it nothing is dropped.
        until(|| bot.messages().len() + 200 >= n).await;
    }
    until(|| bot.messages().len() == 1_000).await;
    program.ask_to_stop();
    let (code, said, took) = beside(move || end(program)).await;
    assert!(code == 0 && said.contains("1000 deliveries: 1000 delivered"), "{code} {said}");
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_standard_output_costs_its_own_messages_and_not_the_end() {
    let rig = Rig::plain().await;
    let home = home(PRINT, "");
    let url = rig.url.clone();
    let mut program = home.start_with(&["run", "--url", &url], Reader::NoOut);
    program = beside(move || {
        program.wait_for("connected to the feed");
        program
    })
    .await;
    for n in 0..MANY {
        rig.handle.send(content(&n.to_string(), "hi").to_string());
    }
    let program = beside(move || {
        program.wait_for("reason=\"overflow\"");
        program.ask_to_stop();
        program.wait_for("stopping: ");
        program.ask_to_stop();
        program
    })
    .await;
    let (code, said, took) = beside(move || end(program)).await;
    assert_eq!(code, 0, "{said}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    let totals = said.lines().find(|line| line.contains(" envelopes in ")).expect("totals on standard error");
    assert!(totals.contains("1001 abandoned") && !totals.contains("pending"), "{totals}");
    assert_eq!(said.matches("pending: the next run takes it up").count(), 1_001);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_second_signal_cuts_off_is_named_and_a_mute_feed_does_not_delay_it() {
    let rig = Rig::plain().await;
    let silent = Server::start(|_| Reply::manner(Manner::Late(Duration::from_secs(60)))).await;
    let home = home(ORDER, &silent.url());
    let url = rig.url.clone();
    let mut program = home.start(&["run", "--url", &url]);
    program = beside(move || {
        program.wait_for("connected to the feed");
        program
    })
    .await;
    rig.handle.send(content("1", "gm").to_string());
    until(|| !silent.received().is_empty()).await;
    rig.handle.freeze();
    let program = beside(move || {
        program.ask_to_stop();
        program.wait_for("stopping: ");
        program.ask_to_stop();
        program
    })
    .await;
    let (code, said, took) = beside(move || end(program)).await;
    assert_eq!(code, 0, "{said}");
    assert!(took < Duration::from_millis(800), "{took:?}");
    let named = said.lines().any(|line| {
        line.contains("it is unknown whether an order arrived") && line.contains("rule=gm") && line.contains("action=\"bot\"")
    });
    assert!(named && said.contains("1 delivery: 1 unknown"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_whose_places_are_taken_is_waited_for() {
    let rig = Rig::plain().await;
    rig.handle.refuse(429);
    let home = home(PRINT, "");
    let url = rig.url.clone();
    let (code, said) = beside(move || {
        let mut program = home.start(&["run", "--url", &url, "--start-timeout", "1"]);
        program.wait_for("birdcall waits and tries again");
        assert!(program.outlives(Duration::from_millis(1_500)), "it gave up: {}", program.end().1);
        program.ask_to_stop();
        program.end()
    })
    .await;
    assert_eq!(code, 0, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_output_is_said_once_and_the_rest_goes_on() {
    let rig = Rig::plain().await;
    let bot = webhook::start().await;
    let home = home(&format!("{PRINT}{}", ORDER.replace("gm", "hi").replacen("\"hi\"", "\"ho\"", 1)), &bot.url());
    let url = rig.url.clone();
    let mut program = home.start_with(&["run", "--url", &url], Reader::Head(0));
    program = beside(move || {
        program.wait_for("connected to the feed");
        program
    })
    .await;
    for n in 0..50 {
        rig.handle.send(content(&n.to_string(), "hi").to_string());
    }
    until(|| bot.messages().len() == 50).await;
    program.ask_to_stop();
    let (code, said, _) = beside(move || end(program)).await;
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.matches("standard output is closed").count(), 1, "{said}");
    assert!(!said.contains("not delivered"), "{said}");
}

#[test]
fn a_demo_whose_reader_has_seen_enough_ends() {
    let mut program = Home::new().start_with(&["demo", "--for", "60", "--rate", "200"], Reader::Head(3));
    let (code, said) = program.end();
    assert_eq!(code, 0, "{said}");
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_to_strangers_is_warned_of_at_the_start_and_to_this_machine_it_is_not() {
    let rig = Rig::plain().await;
    for (bot, warned) in [("http://bot.example/hook", true), ("http://bot.internal/hook", false), ("https://bot.example/", false)]
    {
        let (home, url) = (home(ORDER, bot), rig.url.clone());
        let (code, said) = beside(move || {
            let mut program = home.start(&["run", "--url", &url]);
            program.wait_for("connected to the feed");
            program.ask_to_stop();
            program.end()
        })
        .await;
        assert_eq!(code, 0, "{said}");
        assert_eq!(
            said.matches("http:// to bot.example: what is sent can be read").count(),
            usize::from(warned),
            "{bot}: {said}"
        );
    }
}

struct Bug;

impl std::io::Write for Bug {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        panic!("a bug of the console's")
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A run that prints, with what it keeps.
fn printing(rig: &Rig, console: Box<dyn std::io::Write + Send>, state: Option<birdcall::app::Durable>) -> birdcall::app::Setup {
    let source = birdcall::rules::Source::rules("rules.toml", PRINT);
    let tls = birdcall::tls::client_config_trusting(std::sync::Arc::new(rustls::RootCertStore::empty()), &[]).unwrap();
    let settings = birdcall::feed::Settings {
        url: rig.url.clone(),
        key: birdcall::model::secret::Secret::new(KEY),
        auth: birdcall::rules::ruleset::Auth::Subprotocol,
        tls: std::sync::Arc::clone(&tls),
        jitter_seed: 1,
    };
    birdcall::app::Setup {
        rules: std::sync::Arc::new(birdcall::rules::load(&[source]).ruleset.unwrap()),
        feed: birdcall::feed::Feed::new(settings).unwrap(),
        host: "localhost".to_owned(),
        history: None,
        state,
        ways: vec![birdcall::app::Way::Console],
        console,
        tls,
        clock: birdcall::clock::Clock::system(),
        start_timeout: None,
        rehearse: None,
        reload: None,
        ends_with_console: false,
    }
}

#[tokio::test]
async fn a_journal_whose_writer_dies_ends_the_program_in_words_and_waits_for_nothing() {
    let rig = Rig::plain().await;
    let folder = tempfile::tempdir().unwrap();
    let opened = birdcall::journal::open(folder.path(), Default::default(), birdcall::clock::Clock::system());
    let (journal, writer) = opened.unwrap();
    let (die, dies) = std::sync::mpsc::sync_channel::<()>(1);
    let writer = Box::new(move || {
        let _writer = writer;
        let _ = dies.recv();
        panic!("a bug of the journal's");
    });
    let state = birdcall::app::Durable { folder: folder.path().to_owned(), journal, writer, control: None };
    let setup = printing(&rig, Box::new(std::io::sink()), Some(state));
    let run = birdcall::app::run(setup, std::future::pending(), std::future::pending());
    let bug = async {
        until(|| rig.handle.stats().open == 1).await;
        drop(die);
    };
    let both = futures_util::future::join(Box::pin(run), bug);
    // Sooner than what is under way would have been waited for.
    let ended = tokio::time::timeout(birdcall::model::limits::DRAIN * 4 / 5, both).await;
    let ((_, ended), ()) = ended.expect("it goes on without a journal");
    let error = ended.unwrap_err().to_string();
    assert!(error.starts_with("the journal's thread ended unexpectedly") && error.contains("restart it"), "{error}");
}

#[tokio::test]
async fn a_part_that_dies_ends_the_program_in_words_and_every_delivery_is_counted() {
    let rig = Rig::plain().await;
    let setup = printing(&rig, Box::new(Bug), None);
    let run = birdcall::app::run(setup, std::future::pending(), std::future::pending());
    let feed = async {
        until(|| rig.handle.stats().open == 1).await;
        for n in 0..3 {
            rig.handle.send(content(&n.to_string(), "hi").to_string());
        }
    };
    let both = futures_util::future::join(Box::pin(run), feed);
    let ((totals, ended), ()) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("it goes on half alive");
    let error = ended.unwrap_err().to_string();
    assert!(error.starts_with("the console's thread ended unexpectedly"), "{error}");
    assert!(totals.deliveries > 0 && totals.pending() == 0, "{totals}");
}

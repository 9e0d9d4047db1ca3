//! `active` and `timezone` as a file has them.

use super::{Zone, hours, zone};
use crate::rules::brakes::tests::{assert_said, read};

#[test]
fn hours_are_a_text_or_a_list_of_texts() {
    for text in ["active = 'Mon-Fri 08:00-22:00'", "active = ['Mon-Fri 08:00-22:00', 'Sat 10:00-14:00']"] {
        let (read, said) = read(text, |check, field| hours(check, field, &Zone::default()));
        assert!(read.is_some() && said.is_empty(), "{text}: {said:?}");
    }
}

#[test]
fn what_is_no_hours_is_said_with_what_was_meant() {
    let cases: [(&str, &[&str]); 8] = [
        ("active = '9-17'", &["bad-hours", "`9-17` is no hours of the week", "did you mean `09:00-17:00`?"]),
        ("active = ['Mon', '8am-5pm']", &["bad-hours", "'8am-5pm'", "did you mean `08:00-17:00`?"]),
        ("active = ''", &["bad-hours", "it is empty"]),
        ("active = []", &["empty-list", "at all hours"]),
        ("active = 8", &["wrong-type", "hours in quotes"]),
        ("active = ['Mon', 8]", &["wrong-type", "hours in quotes"]),
        ("active = { days = 'Mon' }", &["wrong-type", "this is a table"]),
        ("active = 'Mon-Sun'", &["useless-hours", "every hour of the week"]),
    ];
    for (text, all_of) in cases {
        assert_said(&read(text, |check, field| hours(check, field, &Zone::default())), all_of);
    }
}

#[test]
fn a_time_zone_is_a_name_of_the_database() {
    let (london, said) = read("timezone = 'Europe/London'", zone);
    assert!(london.is_some_and(|zone| zone.name() == "Europe/London") && said.is_empty(), "{said:?}");
    let cases: [(&str, &[&str]); 3] = [
        ("timezone = 'London'", &["bad-timezone", "`London` is no time zone", "did you mean `Europe/London`?"]),
        ("timezone = 'UTC+1'", &["bad-timezone", "Etc/GMT-1"]),
        ("timezone = 1", &["wrong-type", "\"Europe/London\""]),
    ];
    for (text, all_of) in cases {
        assert_said(&read(text, zone), all_of);
    }
}

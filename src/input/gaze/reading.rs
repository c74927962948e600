use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of a measurement as a sender gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Reading {
    /// The key is not there.
    #[default]
    Absent,
    /// It is null, infinite or not a number: the eye was not seen.
    Unseen,
    /// A finite number.
    Number(f64),
}

impl Reading {
    fn of(number: f64) -> Reading {
        if number.is_finite() { Reading::Number(number) } else { Reading::Unseen }
    }
}

impl<'de> Deserialize<'de> for Reading {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReadingVisitor)
    }
}

struct ReadingVisitor;

impl Visitor<'_> for ReadingVisitor {
    type Value = Reading;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or null or NaN where the eye was not seen")
    }

    fn visit_unit<E: Error>(self) -> Result<Reading, E> {
        Ok(Reading::Unseen)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Reading, E> {
        Ok(Reading::of(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Reading, E> {
        Ok(Reading::of(number as f64))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Reading, E> {
        Ok(Reading::of(number as f64))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Reading, E> {
        match text.trim().parse::<f64>() {
            Ok(number) if !number.is_finite() => Ok(Reading::Unseen),
            // The text is not quoted: it may say where somebody looks.
            _ => Err(E::custom("a text where a number is wanted")),
        }
    }
}

/// JSON with `NaN`, `Infinity` and `-Infinity`, which some programs write as if JSON had them, put into quotes.
pub fn with_quoted_infinities(line: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["NaN", "Infinity", "-Infinity"];
    if !WORDS.iter().any(|word| line.contains(word)) {
        return Cow::Borrowed(line);
    }
    let (mut quoted, mut rest, mut in_text) = (String::with_capacity(line.len() + 16), line, false);
    while let Some(next) = rest.chars().next() {
        let length = match WORDS.iter().find(|word| !in_text && rest.starts_with(**word)) {
            Some(word) => {
                quoted.extend(["\"", *word, "\""]);
                word.len()
            }
            None => {
                let escaped = if in_text && next == '\\' { rest.chars().nth(1) } else { None };
                in_text ^= next == '"';
                quoted.push(next);
                quoted.extend(escaped);
                next.len_utf8() + escaped.map_or(0, char::len_utf8)
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_finite_number_is_not_seen() {
        for text in ["null", "NaN", "Infinity", "-Infinity", "\"NaN\"", "\"nan\"", "\"-inf\"", "\"Infinity\""] {
            assert_eq!(serde_json::from_str(&with_quoted_infinities(text)).ok(), Some(Reading::Unseen), "{text}");
        }
        for (text, number) in [("1.5", 1.5), ("-3", -3.0), ("7", 7.0)] {
            assert_eq!(serde_json::from_str(text).ok(), Some(Reading::Number(number)), "{text}");
        }
        for text in ["\"640.25\"", "[640.25]", "true", "\"\""] {
            let error = serde_json::from_str::<Reading>(text).unwrap_err().to_string();
            assert!(!error.contains("640"), "{error}");
        }
    }

    #[test]
    fn words_within_texts_stay() {
        let rows = [
            (r#"{"x":NaN,"y":-Infinity}"#, r#"{"x":"NaN","y":"-Infinity"}"#),
            (r#"{"NaN":"Infinity","\"":NaN}"#, r#"{"NaN":"Infinity","\"":"NaN"}"#),
            (r#"{"\\":Infinity}"#, r#"{"\\":"Infinity"}"#),
        ];
        for (line, expected) in rows {
            assert_eq!(with_quoted_infinities(line), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_goes_through(text in ".{0,80}(NaN|Infinity|\\PC|\"|\\\\){0,6}.{0,20}") {
            let quoted = with_quoted_infinities(&text);
            proptest::prop_assert!(quoted.len() >= text.len());
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                proptest::prop_assert_eq!(quoted.as_ref(), text.as_str());
            }
        }
    }
}

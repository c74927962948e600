use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How the system's scheduler treats the threads of each stage, and what to do where it refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Scheduling {
    /// For policies and for core affinity alike.
    pub on_failure: OnFailure,
    /// Of the stage that reads the source.
    pub capture: Policy,
    /// Of the image encoder and its helper threads.
    pub encode: Policy,
    /// Of the stage that decodes prompts and tracks.
    pub decode: Policy,
    /// Of every sink.
    pub sink: Policy,
}

/// What a refused policy or affinity means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// A warning; the thread runs as the system sees fit.
    #[default]
    Warn,
    /// The stream does not start.
    Fail,
}

/// A scheduling policy, written `normal`, `nice:N`, `fifo:N` or `rr:N`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Policy {
    /// As the program was started.
    #[default]
    Normal,
    /// `SCHED_OTHER` with this niceness, -20 (most processor time) to 19. Below 0 takes the right to it.
    Nice(i8),
    /// `SCHED_FIFO` with this priority, 1 to 99: runs before every normal thread until it waits. Takes the right to it.
    Fifo(u8),
    /// `SCHED_RR`: as `Fifo`, in turns with others of the same priority.
    RoundRobin(u8),
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no scheduling policy: give normal, nice:N (-20 to 19), fifo:N or rr:N (1 to 99), or \
                 leave the key out"
            )
        };
        let (name, number) = text.split_once(':').unwrap_or((text, ""));
        let nice = || number.parse().ok().filter(|n| (-20..=19).contains(n)).ok_or_else(wrong);
        let priority = || number.parse().ok().filter(|n| (1..=99).contains(n)).ok_or_else(wrong);
        match name {
            "normal" if number.is_empty() => Ok(Policy::Normal),
            "nice" => nice().map(Policy::Nice),
            "fifo" => priority().map(Policy::Fifo),
            "rr" => priority().map(Policy::RoundRobin),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Policy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Policy> for String {
    fn from(policy: Policy) -> String {
        policy.to_string()
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Normal => f.write_str("normal"),
            Policy::Nice(n) => write!(f, "nice:{n}"),
            Policy::Fifo(n) => write!(f, "fifo:{n}"),
            Policy::RoundRobin(n) => write!(f, "rr:{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read_and_written() {
        let rows = [
            ("normal", Policy::Normal),
            ("nice:-5", Policy::Nice(-5)),
            ("nice:19", Policy::Nice(19)),
            ("fifo:1", Policy::Fifo(1)),
            ("rr:99", Policy::RoundRobin(99)),
        ];
        for (text, policy) in rows {
            assert_eq!(text.parse(), Ok(policy));
            assert_eq!(policy.to_string(), text);
        }
        for text in ["", "fifo", "fifo:0", "fifo:100", "rr:x", "nice:20", "nice:-21", "normal:1", "idle:3"] {
            assert!(text.parse::<Policy>().is_err_and(|e| e.contains("fifo:N")), "{text}");
        }
    }
}

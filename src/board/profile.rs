use std::path;

use serde::{Deserialize, Serialize};
use serde_path_to_error::{Path, Segment};

use super::budgets::PIXELS;
use super::capture::Capture;
use super::touch::Touch;
use super::{Budgets, ByteSize, Scheduling, detect};
use crate::capture::{SourceAddress, SourceOptions};
use crate::engine::Precision;
use crate::error::{ConfigError, IoError, Result, nearest_name};
use crate::geometry::Size;
use crate::text::{self, NotText};

/// How foveate runs on one kind of machine; `board-configs/schema.md` documents every key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Letters, digits, `-`, `_` and `.`; of a bundled board the name of its file.
    pub name: String,
    /// Name of the model to run.
    pub model: String,
    /// `f32`, `f16` or `int8`; `None` is int8 where the model has it and it is the faster, else f32.
    #[serde(default)]
    pub precision: Option<Precision>,
    /// Width and height of the model's input in pixels; `None` takes the form of the frames.
    #[serde(default)]
    input_size: Option<[u32; 2]>,
    /// About how many pixels an input of the frames' form has; `None` is as many as the model's own.
    #[serde(default)]
    pub pixels: Option<u32>,
    /// The age in milliseconds up to which the frame that a late prompt refers to is kept.
    #[serde(default = "half_a_second")]
    pub max_age_ms: u32,
    /// Bytes that frames and masks under way may take; `None` is what suits the machine.
    #[serde(default)]
    pub max_memory: Option<ByteSize>,
    #[serde(default, rename = "match")]
    pub(super) matches: Match,
    #[serde(default)]
    threads: Threads,
    /// Cores of each stage.
    #[serde(default)]
    pub affinity: Affinity,
    /// How the system's scheduler treats each stage.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// What the stream must keep to, and what it gives up for that.
    #[serde(default)]
    pub budgets: Budgets,
    #[serde(default)]
    capture: Capture,
    #[serde(default)]
    pub(super) touch: Touch,
}

/// How a machine is recognised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Match {
    /// As in [`std::env::consts::ARCH`]; `None` is any.
    pub(super) arch: Option<String>,
    /// Entries of the device tree's `compatible`.
    pub(super) compatible: Vec<String>,
    /// Parts of the machine's name: the device tree's `model`, or the `Model` line of `/proc/cpuinfo`.
    pub(super) cpuinfo: Vec<String>,
}

/// Threads of the model's two graphs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Threads {
    encoder: Option<usize>,
    decoder: Option<usize>,
}

/// Cores for each stage of the pipeline, counted from 0; empty is any core.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Affinity {
    /// Of the stage that reads the source.
    pub capture: Vec<usize>,
    /// Of the image encoder and its helper threads.
    pub encode: Vec<usize>,
    /// Of the stage that decodes prompts and tracks.
    pub decode: Vec<usize>,
    /// Of every sink.
    pub sink: Vec<usize>,
}

fn half_a_second() -> u32 {
    500
}

/// The board files in the program, the generic ones last.
const BUNDLED: [(&str, &str); 6] = [
    ("raspberry-pi-5", include_str!("../../board-configs/raspberry-pi-5.toml")),
    ("raspberry-pi-4", include_str!("../../board-configs/raspberry-pi-4.toml")),
    ("rock-5b", include_str!("../../board-configs/rock-5b.toml")),
    ("jetson-orin-nano", include_str!("../../board-configs/jetson-orin-nano.toml")),
    ("generic-aarch64", include_str!("../../board-configs/generic-aarch64.toml")),
    ("generic-x86_64", include_str!("../../board-configs/generic-x86_64.toml")),
];

/// Every key of a board file, tables with a trailing dot first.
const KEYS: &[&str] = &[
    "match.",
    "threads.",
    "affinity.",
    "scheduling.",
    "budgets.",
    "budgets.ladder.",
    "capture.",
    "capture.controls.",
    "touch.",
    "name",
    "model",
    "precision",
    "input_size",
    "pixels",
    "max_age_ms",
    "max_memory",
    "match.arch",
    "match.compatible",
    "match.cpuinfo",
    "threads.encoder",
    "threads.decoder",
    "affinity.capture",
    "affinity.encode",
    "affinity.decode",
    "affinity.sink",
    "scheduling.on_failure",
    "scheduling.capture",
    "scheduling.encode",
    "scheduling.decode",
    "scheduling.sink",
    "budgets.latency_ms",
    "budgets.temperature_c",
    "budgets.window_s",
    "budgets.hold_s",
    "budgets.calm_s",
    "budgets.latency_margin",
    "budgets.temperature_margin_c",
    "budgets.ladder.encode_every",
    "budgets.ladder.pixels",
    "budgets.ladder.precision",
    "capture.source",
    "capture.size",
    "capture.fps",
    "capture.format",
    "capture.hflip",
    "capture.vflip",
    "capture.hdr",
    "capture.mjpeg_without_end_marker",
    "capture.controls.exposure",
    "capture.controls.gain",
    "capture.controls.focus",
    "capture.controls.white_balance",
    "capture.controls.power_line_frequency",
    "touch.size_mm",
    "touch.rotation",
    "touch.calibration",
    "touch.grab",
    "touch.fit",
    "touch.view_rotation",
    "touch.slop_dp",
    "touch.pressed_ms",
    "touch.double_tap_ms",
    "touch.long_press_ms",
    "touch.scribble_points",
];

const MAX_THREADS: usize = 256;
const MAX_CORE: usize = 1023;

impl Board {
    /// The profile for what `--board` says: `auto`, the path of a TOML file (it ends in `.toml` or has a slash), or the
    /// name of a bundled board.
    ///
    /// # Errors
    /// An unknown name, a file that cannot be read, an unknown key, a value out of range.
    pub fn load(choice: &str) -> Result<Board> {
        if choice == "auto" {
            Ok(detect(path::Path::new("/"))?.board)
        } else if choice.ends_with(".toml") || choice.contains(['/', path::MAIN_SEPARATOR]) {
            let bytes = std::fs::read(choice).map_err(IoError::when("read", choice))?;
            let invalid =
                |reason: NotText| ConfigError::Invalid { origin: choice.to_owned(), reason: reason.to_string() };
            Ok(Board::parse(text::decode(&bytes).map_err(invalid)?, choice)?)
        } else {
            Ok(Board::bundled(choice)?)
        }
    }

    /// The bundled board of that name.
    ///
    /// # Errors
    /// [`ConfigError::UnknownBoard`] with the nearest name.
    pub fn bundled(name: &str) -> Result<Board, ConfigError> {
        match BUNDLED.iter().find(|(known, _)| *known == name) {
            Some((known, text)) => Board::parse(text, known),
            None => Err(ConfigError::UnknownBoard {
                name: name.to_owned(),
                nearest: nearest_name(name, Board::names()),
                known: format!("auto, {}, or the path of a .toml file", Board::names().collect::<Vec<_>>().join(", ")),
            }),
        }
    }

    /// Names of the bundled boards, the generic ones last.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|(name, _)| *name)
    }

    /// Reads a board file; `origin` names it in messages.
    ///
    /// # Errors
    /// [`ConfigError::UnknownKey`] with the nearest right key; [`ConfigError::Invalid`] for what is no TOML, a missing
    /// key, a wrong type or a value out of range.
    pub fn parse(text: &str, origin: &str) -> Result<Board, ConfigError> {
        let invalid = |reason: String| ConfigError::Invalid { origin: origin.to_owned(), reason };
        let message = |e: toml::de::Error| e.to_string().trim_end().to_owned();
        let document = toml::Deserializer::parse(text::without_mark(text))
            .map_err(|e| invalid(format!("not a TOML file: {}", message(e))))?;
        let board: Board = serde_path_to_error::deserialize(document).map_err(|e| {
            let key = key_of(e.path());
            match is_known(&key) {
                true => invalid(format!("{}: board-configs/schema.md lists types and values", message(e.into_inner()))),
                false => ConfigError::UnknownKey { origin: origin.to_owned(), nearest: nearest_key(&key), key },
            }
        })?;
        board.check().map_err(|(key, allowed)| {
            invalid(format!("`{key}` is out of range: give {allowed} (board-configs/schema.md)"))
        })?;
        Ok(board)
    }

    /// The first value out of range: its key and what is allowed.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let side = |s: u32| (16..=8192).contains(&s);
        let threads = |t: Option<usize>| t.is_none_or(|t| (1..=MAX_THREADS).contains(&t));
        let cores = |c: &[usize]| c.iter().all(|c| *c <= MAX_CORE);
        let named = |n: &str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let a = &self.affinity;
        let rules = [
            (named(&self.name), "name", "letters, digits, `-`, `_` and `.`"),
            (!self.model.is_empty(), "model", "a name of `foveate models list`"),
            (self.input_size.is_none_or(|s| s.into_iter().all(side)), "input_size", "two sides of 16 to 8192 pixels"),
            (self.pixels.is_none_or(|pixels| PIXELS.contains(&pixels)), "pixels", "256 to 67108864"),
            (self.pixels.is_none() || self.input_size.is_none(), "pixels", "no `input_size` beside it"),
            ((1..=60_000).contains(&self.max_age_ms), "max_age_ms", "1 to 60000"),
            (threads(self.threads.encoder), "threads.encoder", "1 to 256"),
            (threads(self.threads.decoder), "threads.decoder", "1 to 256"),
            (cores(&a.capture), "affinity.capture", "core numbers of 0 to 1023"),
            (cores(&a.encode), "affinity.encode", "core numbers of 0 to 1023"),
            (cores(&a.decode), "affinity.decode", "core numbers of 0 to 1023"),
            (cores(&a.sink), "affinity.sink", "core numbers of 0 to 1023"),
        ];
        match rules.into_iter().chain(self.capture.rules()).chain(self.touch.rules()).find(|(holds, ..)| !holds) {
            Some((_, key, allowed)) => Err((key, allowed)),
            None => self.budgets.check(),
        }
    }

    /// The model's input size, if the board wants another than the model's own.
    pub fn input_size(&self) -> Option<Size> {
        self.input_size.map(|[width, height]| Size::new(width, height))
    }

    /// Threads of the image encoder on a machine of `cores` cores.
    pub fn encoder_threads(&self, cores: usize) -> usize {
        self.threads.encoder.unwrap_or(cores).max(1)
    }

    /// Threads of the prompt decoder.
    pub fn decoder_threads(&self) -> usize {
        self.threads.decoder.unwrap_or(1)
    }

    /// What to ask of a source.
    pub fn source_options(&self) -> SourceOptions {
        self.capture.options(self.max_memory.map(|size| size.0))
    }

    /// The board's own camera, which streams take when no other source is given; `None` if the profile names none.
    ///
    /// # Errors
    /// [`ConfigError::NotInBuild`] for a camera that this build cannot open, with what it needs.
    pub fn source(&self) -> Result<Option<SourceAddress>, ConfigError> {
        self.capture.source()
    }
}

/// The key that a path leads to, its tables joined by dots; places in lists are left out. Empty for the whole file.
fn key_of(path: &Path) -> String {
    let keys = path.iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    keys.collect::<Vec<_>>().join(".")
}

/// Whether board files have a value or a table of that key.
fn is_known(key: &str) -> bool {
    key.is_empty() || KEYS.iter().any(|known| known.strip_suffix('.').unwrap_or(known) == key)
}

/// The key most like `path`: first among its neighbours in the same table, then by its last part anywhere, because a key
/// in the wrong table is a common slip.
fn nearest_key(path: &str) -> Option<String> {
    let (prefix, own) = path.split_at(path.rfind('.').map_or(0, |dot| dot + 1));
    let last = |key: &'static str| key.trim_end_matches('.').rsplit('.').next().unwrap_or(key);
    let neighbours = KEYS.iter().filter_map(|key| {
        let rest = key.strip_prefix(prefix)?.trim_end_matches('.');
        (!rest.is_empty() && !rest.contains('.')).then_some(rest)
    });
    let elsewhere =
        |found: String| KEYS.iter().find(|key| last(key) == found).map(|k| k.trim_end_matches('.').to_owned());
    nearest_name(own, neighbours)
        .map(|found| format!("{prefix}{found}"))
        .or_else(|| nearest_name(own, KEYS.iter().map(|k| last(k))).and_then(elsewhere))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_board_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("board.toml").display().to_string();
        let (_, text) = BUNDLED[0];
        std::fs::write(&path, format!("\u{feff}{text}")).unwrap();
        assert_eq!(Board::load(&path).unwrap(), Board::parse(text, "x").unwrap());
        std::fs::write(&path, b"\xff\xfen\0").unwrap();
        let reason = Board::load(&path).unwrap_err().to_string();
        assert!(reason.contains("UTF-16") && reason.contains("board.toml"), "{reason}");
    }

    const SCHEMA: &str = include_str!("../../board-configs/schema.md");

    #[test]
    fn every_bundled_board_parses_under_its_own_name() {
        for name in Board::names() {
            assert_eq!(Board::load(name).unwrap().name, name);
        }
    }

    #[test]
    fn every_board_file_is_bundled() {
        let dir = path::Path::new(env!("CARGO_MANIFEST_DIR")).join("board-configs");
        let files: BTreeSet<String> = std::fs::read_dir(dir)
            .unwrap()
            .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".toml").map(str::to_owned))
            .collect();
        assert_eq!(files, Board::names().map(str::to_owned).collect());
    }

    /// The keys that serde knows, read off a board that has them all.
    fn keys_of_the_type() -> BTreeSet<String> {
        fn walk(value: &serde_json::Value, prefix: &str, keys: &mut BTreeSet<String>) {
            for (key, value) in value.as_object().into_iter().flatten() {
                let path = format!("{prefix}{key}");
                // A list of tables has its keys in the first.
                let inner = value.as_array().and_then(|list| list.first()).unwrap_or(value);
                keys.insert(if inner.is_object() { format!("{path}.") } else { path.clone() });
                walk(inner, &format!("{path}."), keys);
            }
        }
        let mut keys = BTreeSet::new();
        walk(&serde_json::to_value(Board::bundled("raspberry-pi-5").unwrap()).unwrap(), "", &mut keys);
        keys
    }

    #[test]
    fn the_list_of_keys_is_the_type() {
        assert_eq!(KEYS.iter().map(|k| (*k).to_owned()).collect::<BTreeSet<_>>(), keys_of_the_type());
    }

    #[test]
    fn the_schema_names_every_key_and_no_other() {
        let documented: BTreeSet<String> = SCHEMA
            .lines()
            .filter_map(|l| l.strip_prefix("| `")?.split_once('`').map(|(key, _)| key.to_owned()))
            .collect();
        let known: BTreeSet<String> = KEYS.iter().filter(|k| !k.ends_with('.')).map(|k| (*k).to_owned()).collect();
        assert_eq!(documented, known);
    }

    #[test]
    fn unknown_keys_name_the_nearest_right_one() {
        let base = "name = \"x\"\nmodel = \"m\"\n";
        let rows = [
            ("presicion = \"f32\"", "presicion", Some("precision")),
            ("[thread]\nencoder = 1", "thread", Some("threads")),
            ("[threads]\nencoders = 1", "threads.encoders", Some("threads.encoder")),
            ("[capture]\nfsp = 30", "capture.fsp", Some("capture.fps")),
            ("[capture.controls]\nexposition = 30", "capture.controls.exposition", Some("capture.controls.exposure")),
            ("[capture]\ngain = 30", "capture.gain", Some("capture.controls.gain")),
            ("encoder = 2", "encoder", Some("threads.encoder")),
            ("[affinity]\nqqq = []", "affinity.qqq", None),
        ];
        for (text, key, nearest) in rows {
            let expected = ConfigError::UnknownKey {
                origin: "board.toml".into(),
                key: key.into(),
                nearest: nearest.map(str::to_owned),
            };
            assert_eq!(Board::parse(&format!("{base}{text}"), "board.toml"), Err(expected), "{text}");
        }
    }

    #[test]
    fn wrong_values_name_the_key() {
        let rows = [
            ("name = \"x\"", "model"),
            ("name = \"x\"\nmodel = \"m\"\nprecision = \"f64\"", "precision"),
            ("name = \"x\"\nmodel = \"m\"\nmax_age_ms = 0", "max_age_ms"),
            ("name = \"x\"\nmodel = \"m\"\nmax_age_ms = -4", "max_age_ms"),
            ("name = \"x\"\nmodel = \"m\"\ninput_size = [0, 256]", "input_size"),
            ("name = \"x\"\nmodel = \"m\"\n[threads]\nencoder = 0", "threads.encoder"),
            ("name = \"x\"\nmodel = \"m\"\nthreads = 4", "threads"),
            ("name = \"x\"\nmodel = \"m\"\n[affinity]\nencode = [5000]", "affinity.encode"),
            ("name = \"x\"\nmodel = \"m\"\n[capture]\nfps = nan", "capture.fps"),
            ("name = \"x\"\nmodel = \"m\"\n[capture]\nformat = \"h264\"", "format"),
            ("name = \"x\"\nmodel = \"m\"\n[capture.controls]\nexposure = 5", "capture.controls.exposure"),
            ("name = \"x\"\nmodel = \"m\"\n[capture.controls]\ngain = \"full\"", "\"auto\" or a whole number"),
            ("name = \"../x\"\nmodel = \"m\"", "name"),
            ("name = ", "TOML"),
        ];
        for (text, part) in rows {
            match Board::parse(text, "board.toml") {
                Err(ConfigError::Invalid { reason, .. }) => assert!(reason.contains(part), "{text}: {reason}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn boards_are_found_by_name_and_by_path() {
        let error = Board::load("rasberry-pi-5").unwrap_err().to_string();
        assert!(error.contains("did you mean `raspberry-pi-5`"), "{error}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.toml");
        assert!(Board::load(path.to_str().unwrap()).unwrap_err().to_string().contains("mine.toml"));
        std::fs::write(&path, "name = \"mine\"\nmodel = \"m\"\n[threads]\nencoder = 2\n").unwrap();
        let board = Board::load(path.to_str().unwrap()).unwrap();
        assert_eq!((board.encoder_threads(8), board.decoder_threads(), board.max_age_ms), (2, 1, 500));
        assert_eq!(board.source_options().size, Some(Size::new(640, 480)));
    }

    proptest! {
        #[test]
        fn any_text_is_a_board_or_an_error(text in "[a-z_.\\[\\]=\"0-9 \n]{0,80}") {
            let _ = Board::parse(&text, "board.toml");
        }
    }
}

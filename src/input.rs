//! Prompt sources: a script, touch screens, eye trackers.

mod address;
mod command;
#[cfg(all(feature = "touch", target_os = "linux"))]
mod evdev;
mod event;
mod gaze;
mod script;
mod touch;

pub use address::{OpenedPrompts, PromptAddress};
pub use command::{Command, CommandSource};
pub use event::InputEvent;
#[cfg(any(test, fuzzing))]
pub(crate) use gaze::fuzz as gaze_fuzz;
pub use gaze::{
    ClockOffset, GazePacket, GazeRecording, GazeReplay, GazeReport, GazeSource, GazeTrace, OffsetEstimate,
    RecordedFixation, RecordedSpan, RecordingFormat,
};
pub use script::Script;
pub use touch::{TouchDeviceInfo, TouchOptions, TouchSource, list_touch_devices};

#[cfg(feature = "console")]
use crate::address::AddressError;
use crate::address::{Row, Table, built};
use crate::session::Request;

/// Every kind of prompts; `docs/adding-a-prompt-source.md` shows how one is added.
pub static PROMPTS: Table<PromptAddress> = Table::new(
    "prompt source",
    &[
        Row {
            scheme: "console",
            forms: &["console"],
            help: "the page in a browser, with --sink console",
            page: "docs/console.md",
            needs: "feature `console`",
            parse: built!(feature = "console" => page),
        },
        Row {
            scheme: "script",
            forms: &["script:FILE"],
            help: "one JSON object a line, with the time it is for",
            page: "docs/prompts.md",
            needs: "",
            parse: Some(script::address),
        },
        Row {
            scheme: "touch",
            forms: &["touch:PATH", "touch:auto"],
            help: "a touch screen, a pen or a mouse",
            page: "docs/touch.md",
            needs: "feature `touch`, on Linux",
            parse: built!(all(feature = "touch", target_os = "linux") => evdev::address),
        },
        Row {
            scheme: "gaze:pupil",
            forms: &["gaze:pupil://HOST[:PORT]"],
            help: "Pupil Labs' Neon or Invisible",
            page: "docs/gaze.md",
            needs: "",
            parse: Some(gaze::pupil::address),
        },
        Row {
            scheme: "gaze:udp",
            forms: &["gaze:udp://ADDRESS:PORT"],
            help: "gaze as lines of JSON that arrive at this address",
            page: "docs/gaze.md",
            needs: "",
            parse: Some(gaze::udp::address),
        },
        Row {
            scheme: "gaze:tcp",
            forms: &["gaze:tcp://HOST:PORT"],
            help: "gaze as lines of JSON from this server",
            page: "docs/gaze.md",
            needs: "",
            parse: Some(gaze::tcp::address),
        },
        Row {
            scheme: "gaze:file",
            forms: &["gaze:file:PATH"],
            help: "a recording of an eye tracker",
            page: "docs/gaze.md",
            needs: "",
            parse: Some(gaze::recording::address),
        },
    ],
);

#[cfg(feature = "console")]
fn page(place: Option<&str>) -> Result<PromptAddress, AddressError> {
    place.map_or_else(|| Ok(PromptAddress::page("console".into())), |_| Err(AddressError::Form))
}

/// Where prompts come from.
pub trait PromptSource: Send {
    /// Appends the requests made up to `until_s` (seconds since the source's first frame) that were not given out yet, in the
    /// order of their time. Never waits.
    fn poll(&mut self, until_s: f64, out: &mut Vec<Request>);

    /// True when no request will ever come again.
    fn is_finished(&self) -> bool;
}

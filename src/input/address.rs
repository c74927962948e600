use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{GazeSource, PROMPTS, PromptSource, TouchOptions, TouchSource};
use crate::address::written_address;
use crate::error::Result;
use crate::geometry::Size;
use crate::time::Clock;

/// Where prompts come from, as the command line writes it: one of [`PROMPTS`], with what opens it.
#[derive(Clone)]
pub struct PromptAddress {
    text: String,
    reads: Option<PathBuf>,
    gives: Gives,
    /// It goes by the stream's own time, whenever that passes.
    recorded: bool,
}

type OpenTouch = dyn Fn(&TouchOptions, Arc<dyn Clock>) -> Result<Box<dyn TouchSource>> + Send + Sync;
type OpenGaze = dyn Fn(Size, Arc<dyn Clock>) -> Result<Box<dyn GazeSource>> + Send + Sync;

/// What a source of prompts gives, and what opens it.
#[derive(Clone)]
enum Gives {
    Prompts(Arc<dyn Fn() -> Result<Box<dyn PromptSource>> + Send + Sync>),
    Touch(Arc<OpenTouch>),
    Gaze(Arc<OpenGaze>),
    Page,
}

/// An opened source of prompts, by how it names what it means.
pub enum OpenedPrompts {
    /// It names objects.
    Prompts(Box<dyn PromptSource>),
    /// It shows a place; a [`TouchSelector`](crate::select::touch::TouchSelector) makes gestures of it.
    Touch(Box<dyn TouchSource>),
    /// It shows where a user looks; a [`DwellSelector`](crate::select::gaze::DwellSelector) makes selections of it.
    Gaze(Box<dyn GazeSource>),
    /// It is the page, which whoever runs the stream serves.
    Page,
}

impl PromptAddress {
    /// An address written `text` of a source that names objects. The source's own file calls this for its row.
    pub fn prompts<S: PromptSource + 'static>(
        text: String,
        open: impl Fn() -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        let open = move || open().map(|source| Box::new(source) as Box<dyn PromptSource>);
        PromptAddress { text, reads: None, gives: Gives::Prompts(Arc::new(open)), recorded: true }
    }

    /// The same for a source of contacts; `open` is given how the device is used and which clock stamps contacts.
    pub fn touch<S: TouchSource + 'static>(
        text: String,
        open: impl Fn(&TouchOptions, Arc<dyn Clock>) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        let open = move |options: &TouchOptions, clock: Arc<dyn Clock>| {
            open(options, clock).map(|source| Box::new(source) as Box<dyn TouchSource>)
        };
        PromptAddress { text, reads: None, gives: Gives::Touch(Arc::new(open)), recorded: false }
    }

    /// The same for an eye tracker; `open` is given the size of the frame whose pixels gaze is given in, and which clock
    /// stamps samples.
    pub fn gaze<S: GazeSource + 'static>(
        text: String,
        open: impl Fn(Size, Arc<dyn Clock>) -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        let open = move |frame: Size, clock: Arc<dyn Clock>| {
            open(frame, clock).map(|source| Box::new(source) as Box<dyn GazeSource>)
        };
        PromptAddress { text, reads: None, gives: Gives::Gaze(Arc::new(open)), recorded: false }
    }

    /// The address of the page in a browser, written `text`.
    pub fn page(text: String) -> Self {
        PromptAddress { text, reads: None, gives: Gives::Page, recorded: false }
    }

    /// The same for a source that reads this file, or the files in this folder: no output may be one of them.
    pub fn reading(self, path: PathBuf) -> Self {
        PromptAddress { reads: Some(path), ..self }
    }

    /// The file or folder that is read; `None` for devices and what is received.
    pub fn reads(&self) -> Option<&Path> {
        self.reads.as_deref()
    }

    /// The same address of what was recorded: it goes by the stream's own time and can be replayed.
    pub fn recorded(self) -> Self {
        PromptAddress { recorded: true, ..self }
    }

    /// Whether it says the same in every replay of a stream.
    pub fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// Opens the source. Contacts and gaze carry the times of `clock`; the kernel's own count only if it is the monotonic
    /// one. Gaze is given in pixels of a frame of `frame`.
    ///
    /// # Errors
    /// A file that cannot be read or a line of it that is wrong; a device that is missing, forbidden, or makes no contacts; an
    /// eye tracker that cannot be reached.
    pub fn open(&self, touch: &TouchOptions, frame: Size, clock: Arc<dyn Clock>) -> Result<OpenedPrompts> {
        match &self.gives {
            Gives::Prompts(open) => open().map(OpenedPrompts::Prompts),
            Gives::Touch(open) => open(touch, clock).map(OpenedPrompts::Touch),
            Gives::Gaze(open) => open(frame, clock).map(OpenedPrompts::Gaze),
            Gives::Page => Ok(OpenedPrompts::Page),
        }
    }

    /// Whether it is an eye tracker or its recording, of which a stream takes one.
    pub fn is_gaze(&self) -> bool {
        matches!(self.gives, Gives::Gaze(_))
    }

    /// Whether it is the page in a browser.
    pub fn is_page(&self) -> bool {
        matches!(self.gives, Gives::Page)
    }
}

written_address!(PromptAddress, PROMPTS);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MonotonicClock;

    fn message(address: &str) -> String {
        let address: PromptAddress = address.parse().unwrap();
        address.open(&TouchOptions::default(), Size::new(640, 480), Arc::new(MonotonicClock)).err().unwrap().to_string()
    }

    #[test]
    fn the_table_is_documented() {
        crate::address::check(&PROMPTS);
    }

    #[test]
    fn addresses_parse_and_print() {
        let mut rows = vec![
            "script:a/b:c.ndjson",
            "gaze:file:a/b c",
            "gaze:udp://0.0.0.0:5005",
            "gaze:tcp://[::1]:5005",
            "gaze:pupil://neon.local",
            "gaze:pupil://10.0.0.2:8080?transport=tcp",
        ];
        if cfg!(all(feature = "touch", target_os = "linux")) {
            rows.extend(["touch:auto", "touch:/dev/input/event0"]);
        }
        if cfg!(feature = "console") {
            rows.push("console");
        }
        for row in rows {
            let address: PromptAddress = row.parse().unwrap();
            assert_eq!(address.to_string(), row);
            assert_eq!((address.is_gaze(), address.is_page()), (row.starts_with("gaze:"), row == "console"));
            assert_eq!(address.is_recorded(), row.starts_with("script:") || row.starts_with("gaze:file:"));
        }
        let wrong = ["", "script", "script:", "touch", "touch:", "touch:a\0b", "mouse:0"];
        let gaze =
            ["gaze", "gaze:", "gaze:file:", "gaze:udp://", "gaze:udp://h", "gaze:tcp://:1", "gaze:tcp://h:99999"];
        let more = ["gaze:pupil://", "gaze:pupil://a b", "gaze:pupil://h?transport=x", "gaze:http://h", "gaze:udp:h:1"];
        for wrong in wrong.into_iter().chain(gaze).chain(more) {
            let message = wrong.parse::<PromptAddress>().unwrap_err().to_string();
            assert!(message.contains("script:FILE"), "{message}");
        }
    }

    #[test]
    fn a_missing_script_says_where() {
        let text = message("script:/nowhere/x.ndjson");
        assert!(text.contains("/nowhere/x.ndjson"), "{text}");
    }

    #[cfg(all(feature = "touch", target_os = "linux"))]
    #[test]
    fn devices_that_cannot_be_used_say_why_and_what_to_do() {
        let rows = [
            ("touch:/dev/input/event9999", "no such device"),
            ("touch:/nowhere", "no such device"),
            ("touch:/dev/null", "no input device"),
        ];
        for (address, expected) in rows {
            let text = message(address);
            assert!(text.contains(&address[6..]) && text.contains(expected), "{text}");
            assert!(text.contains("foveate doctor"), "{text}");
        }
    }
}

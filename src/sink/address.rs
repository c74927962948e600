use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{SINKS, Sink};
use crate::address::written_address;
use crate::error::Result;

/// Where records go, as the command line writes it: one of [`SINKS`], with what opens it.
///
/// Options follow a question mark and are joined by `&`: `overlay:out?every=10&format=jpg`.
#[derive(Clone)]
pub struct SinkAddress {
    text: String,
    writes: Writes,
    is_shared: bool,
    is_recording: bool,
}

/// What a sink writes, so that it can be held against what is read and what else is written.
#[derive(Clone, Debug)]
pub enum Place {
    /// This file.
    File(PathBuf),
    /// Files in this folder: those whose names the function takes, and no others.
    Folder(PathBuf, fn(&OsStr) -> bool),
    /// This device, which no other sink writes to and no source reads.
    Device(PathBuf),
    /// No file.
    Elsewhere,
}

/// Where a sink's output goes.
#[derive(Clone)]
enum Writes {
    /// To a place of its own.
    Apart(Place, Arc<Open>),
    /// To standard output, where it must be alone.
    Stdout(Arc<Open>),
    /// To the page, which whoever runs the stream serves.
    Page,
}

type Open = dyn Fn() -> Result<Box<dyn Sink>> + Send + Sync;

/// An opened sink.
pub enum OpenedSink {
    /// It is ready.
    Sink(Box<dyn Sink>),
    /// It is the page, which whoever runs the stream serves.
    Page,
}

fn boxed<S: Sink + 'static>(open: impl Fn() -> Result<S> + Send + Sync + 'static) -> Arc<Open> {
    Arc::new(move || open().map(|sink| Box::new(sink) as Box<dyn Sink>))
}

impl SinkAddress {
    /// An address written `text`, whose sink `open` opens and which writes to `place`. A sink's own file calls this for its row.
    pub fn new<S: Sink + 'static>(
        text: String,
        place: Place,
        open: impl Fn() -> Result<S> + Send + Sync + 'static,
    ) -> Self {
        SinkAddress { text, writes: Writes::Apart(place, boxed(open)), is_shared: false, is_recording: false }
    }

    /// The same for a sink that writes to standard output.
    pub fn to_stdout<S: Sink + 'static>(text: String, open: impl Fn() -> Result<S> + Send + Sync + 'static) -> Self {
        SinkAddress { text, writes: Writes::Stdout(boxed(open)), is_shared: false, is_recording: false }
    }

    /// The same of a sink that several cameras can write to ([`Sink::beside`]).
    #[must_use]
    pub fn shared(self) -> Self {
        SinkAddress { is_shared: true, ..self }
    }

    /// The same of a sink that records what the session is given ([`Sink::traces`]).
    #[must_use]
    pub fn recording(self) -> Self {
        SinkAddress { is_recording: true, ..self }
    }

    /// The address of the page in a browser, written `text`.
    pub fn page(text: String) -> Self {
        SinkAddress { text, writes: Writes::Page, is_shared: true, is_recording: false }
    }

    /// Opens the sink: creates its file or folder.
    ///
    /// # Errors
    /// If that cannot be created.
    pub fn open(&self) -> Result<OpenedSink> {
        match &self.writes {
            Writes::Apart(_, open) | Writes::Stdout(open) => open().map(OpenedSink::Sink),
            Writes::Page => Ok(OpenedSink::Page),
        }
    }

    /// What it writes; standard output and the page are none of its files.
    pub fn place(&self) -> &Place {
        match &self.writes {
            Writes::Apart(place, _) => place,
            Writes::Stdout(_) | Writes::Page => &Place::Elsewhere,
        }
    }

    /// Whether several cameras can write to it.
    pub fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Whether what is written can be replayed.
    pub fn is_recording(&self) -> bool {
        self.is_recording
    }

    /// Whether the sink writes to standard output, where it must be alone.
    pub fn is_stdout(&self) -> bool {
        matches!(self.writes, Writes::Stdout(_))
    }

    /// Whether it is the page in a browser.
    pub fn is_page(&self) -> bool {
        matches!(self.writes, Writes::Page)
    }
}

written_address!(SinkAddress, SINKS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_documented() {
        crate::address::check(&SINKS);
    }

    #[test]
    fn addresses_come_back_as_written_and_know_where_they_write() {
        let rows = [
            ("ndjson:-", true),
            ("ndjson:-?share_gaze=true", true),
            ("ndjson:a.ndjson?share_gaze=true", false),
            ("overlay:out", false),
            ("video:out.mp4?boxes=true&share_gaze=false", false),
            ("rtsp://host/live?boxes=true", false),
            ("overlay:out?every=10&format=jpg&keep=5&boxes=true&share_gaze=false", false),
        ];
        for (text, is_stdout) in rows {
            let address: SinkAddress = text.parse().unwrap();
            assert_eq!(
                (address.to_string().as_str(), address.is_stdout(), address.is_page()),
                (text, is_stdout, false)
            );
        }
        let page = "console".parse::<SinkAddress>();
        assert_eq!(page.is_ok_and(|page| page.is_page()), cfg!(feature = "console"));
    }

    #[test]
    fn wrong_addresses_say_what_is_right() {
        let rows = [
            ("ndjson", "ndjson:-"),
            ("ndjson:", "ndjson:-"),
            ("bus:x", "overlay:DIR"),
            ("console:1", "ndjson:-"),
            ("overlay:out?evry=3", "did you mean `every`?"),
            ("overlay:out?every=0", "1 or more"),
            ("overlay:out?every", "KEY=VALUE"),
            ("overlay:out?format=gif", "png or jpg"),
            ("ndjson:-?share_gaze=yes", "true or false"),
        ];
        for (text, expected) in rows {
            let message = text.parse::<SinkAddress>().unwrap_err().to_string();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}

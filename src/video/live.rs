//! Live streams to a server in the network, which ffmpeg encodes and sends beside this program.

mod link;

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::encode::{BT709, even};
use super::ffmpeg;
use crate::error::VideoError;
use crate::geometry::Size;
use crate::sync::Received;
use crate::text::address_without_password;
use link::{Ended, Link, Pictures};

/// The first wait before a lost server is tried again; it doubles with each failure.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// Pictures must be taken for so long before a server counts as found.
const PROVEN: Duration = LONGEST_DELAY;
/// A server that takes no picture for so long is taken for lost.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same once there are no further pictures: whoever ends the stream waits for it.
const LAST_PATIENCE: Duration = Duration::from_secs(1);
/// Time between two looks at what is being sent.
const LOOK: Duration = Duration::from_millis(20);

/// A picture on its way: bytes R G B, rows from top to bottom without padding.
#[derive(Debug)]
struct Picture {
    rgb: Vec<u8>,
    size: Size,
    /// Of the stream's time.
    time_s: f64,
}

/// Sends pictures as they come, the newest first of all: whoever gives them never waits. A server that is lost is told once and
/// tried again, after 0.1 s, then after waits that double up to 2 s; pictures that come meanwhile are dropped. Pictures of another
/// size begin the stream anew.
#[derive(Debug)]
pub struct LiveOutput {
    pictures: Pictures,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread that sends tells.
#[derive(Debug, Default)]
struct State {
    /// Why the server was lost, until it is told.
    fault: Mutex<Option<VideoError>>,
    /// Whether pictures would be dropped.
    is_away: AtomicBool,
}

/// Makes the program that sends pictures of a size.
type Make = dyn Fn(Size) -> Result<Command, VideoError> + Send;

impl LiveOutput {
    /// A stream to the RTSP server of this address, which begins with its first picture.
    ///
    /// # Errors
    /// [`VideoError::NoProgram`]; the system starts no thread.
    pub fn to_rtsp(url: &str) -> Result<Self, VideoError> {
        to_rtsp(url)?;
        let to = url.to_owned();
        LiveOutput::start(address_without_password(url), Box::new(move |_| to_rtsp(&to)))
    }

    fn start(address: String, make: Box<Make>) -> Result<Self, VideoError> {
        let (pictures, state) = (Pictures::default(), Arc::<State>::default());
        let unsent = |reason: String| VideoError::Unsent { address: address.clone(), reason };
        let sender = Sender {
            address: address.clone(),
            make,
            pictures: pictures.clone(),
            state: Arc::clone(&state),
            delay: FIRST_DELAY,
            lost_at: None,
        };
        let thread = std::thread::Builder::new().name("live-sender".into()).spawn(move || sender.run());
        let thread = thread.map_err(|e| unsent(e.to_string()))?;
        Ok(LiveOutput { pictures, state, thread: Some(thread) })
    }

    /// Whether a picture would be sent now; if not, it need not be made.
    pub fn wants_pictures(&self) -> bool {
        !self.state.is_away.load(Ordering::Relaxed)
    }

    /// Hands over a picture of `size` and gives another buffer in its place; `time_s` is that of the stream.
    ///
    /// # Panics
    /// If `rgb` is not a picture of `size`.
    pub fn send(&mut self, rgb: &mut Vec<u8>, size: Size, time_s: f64) {
        assert_eq!(rgb.len(), size.area() * 3, "a picture's pixels");
        let picture = Picture { rgb: std::mem::take(rgb), size, time_s };
        let replaced = self.pictures.next.put(picture).map(|picture| picture.rgb);
        let spare = || self.pictures.spare.take(Duration::ZERO).value();
        *rgb = replaced.or_else(spare).unwrap_or_default();
    }

    /// Whether the server is there.
    ///
    /// # Errors
    /// [`VideoError::Unsent`], once each time that it was lost.
    pub fn check(&self) -> Result<(), VideoError> {
        self.state.fault.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    /// Ends the stream, 4 seconds later at most.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn finish(&mut self) -> Result<(), VideoError> {
        self.end();
        self.check()
    }

    fn end(&mut self) {
        self.pictures.next.close();
        if let Some(thread) = self.thread.take() {
            // A panic of it was printed.
            let _ = thread.join();
        }
    }
}

impl Drop for LiveOutput {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the program that sends, and again when it ends.
struct Sender {
    address: String,
    make: Box<Make>,
    pictures: Pictures,
    state: Arc<State>,
    delay: Duration,
    /// Since when the server is lost, if it is.
    lost_at: Option<Instant>,
}

impl Sender {
    fn run(mut self) {
        let mut resized = None;
        while let Some(first) = resized.take().or_else(|| self.pictures.next.take(Duration::MAX).value()) {
            match self.send_from(first) {
                Ended::Closed => return,
                // At the end there is no time for another program.
                Ended::Resized(_) if self.pictures.next.is_closed() => return,
                Ended::Resized(picture) => resized = Some(picture),
                Ended::Lost(reason) => self.lose(reason),
            }
        }
    }

    /// Sends pictures from this one on.
    fn send_from(&mut self, first: Picture) -> Ended {
        let command = (self.make)(first.size).map_err(|e| e.to_string());
        let start = |command| Link::start(command, first, self.pictures.clone()).map_err(|e| e.to_string());
        let mut link = match command.and_then(start) {
            Ok(link) => link,
            Err(reason) => return Ended::Lost(reason),
        };
        loop {
            std::thread::sleep(LOOK);
            let patience = if self.pictures.next.is_closed() { LAST_PATIENCE } else { PATIENCE };
            if link.proven() >= PROVEN {
                self.delay = FIRST_DELAY;
                if let Some(since) = self.lost_at.take() {
                    tracing::info!("{}: streams again after {:.1} s", self.address, since.elapsed().as_secs_f64());
                }
            }
            if let Some(ended) = link.ended(patience) {
                return ended;
            }
        }
    }

    /// Tells a loss, if it is a new one, and waits before the next try; pictures are dropped meanwhile.
    fn lose(&mut self, reason: String) {
        if self.lost_at.is_none() {
            self.lost_at = Some(Instant::now());
            let fault = self.unsent(reason);
            *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
        }
        self.state.is_away.store(true, Ordering::Relaxed);
        let again = Instant::now() + self.delay;
        self.delay = (self.delay * 2).min(LONGEST_DELAY);
        while let Received::Value(_) = self.pictures.next.take(again.saturating_duration_since(Instant::now())) {}
        self.state.is_away.store(false, Ordering::Relaxed);
    }

    fn unsent(&self, reason: String) -> VideoError {
        VideoError::Unsent { address: self.address.clone(), reason }
    }
}

/// Reads pictures from standard input and sends them to an RTSP server as they come: H.264, or MPEG-4 where this ffmpeg lacks it, a
/// key picture every second, so that who joins soon sees something.
fn to_rtsp(url: &str) -> Result<Command, VideoError> {
    let mut command = ffmpeg::command("ffmpeg")?;
    // Pictures are not to be collected before the first is sent.
    command.args([
        "-nostats",
        "-loglevel",
        "error",
        "-fflags",
        "nobuffer",
        "-analyzeduration",
        "0",
        "-probesize",
        "32",
    ]);
    command.args(["-f", "matroska", "-i", "pipe:0", "-map", "0:v", "-vf", &even("black", "yuv420p")]);
    let encoder = if ffmpeg::has_x264()? {
        "-c:v libx264 -preset superfast -tune zerolatency -crf 23"
    } else {
        "-c:v mpeg4 -q:v 5"
    };
    command.args(encoder.split(' ')).args(BT709.split(' '));
    command.args(["-bf", "0", "-g", "60", "-force_key_frames", "expr:gte(t,n_forced)", "-enc_time_base", "1:90000"]);
    command.args(ffmpeg::mode("passthrough")?);
    command.args(["-flush_packets", "1", "-f", "rtsp", "-rtsp_transport", "tcp", url]);
    Ok(command)
}

#[cfg(all(test, unix))]
mod tests;

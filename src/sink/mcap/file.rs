//! One MCAP file that is whole up to its last chunk, however its writer ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mcap::records::{MessageHeader, op};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions, Writer};

use crate::recording::{PROFILE, Topic};

/// A chunk is written after so long.
const CHUNK_TIME: Duration = Duration::from_millis(500);
/// A chunk is written once it holds so many bytes.
const CHUNK_BYTES: u64 = 8 << 20;
/// Bytes that a message takes beside its own, its place in the index included.
const PER_MESSAGE: u64 = 64;
/// Bytes that a chunk takes beside its messages, and in the summary.
const PER_CHUNK: u64 = 1024;
/// Bytes of the schemas and channels, which the summary repeats.
const PER_FILE: u64 = 32 << 10;

/// Where a recording is written.
pub trait Backing: Write + Send {
    /// Forgets everything from byte `length` on; what is written next comes there.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl Backing for File {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(|_| ())
    }
}

/// Collects what belongs together and writes it in one go.
struct Tail<F> {
    file: F,
    waiting: Vec<u8>,
    /// Bytes that are in the file.
    written: Arc<AtomicU64>,
}

impl<F: Write> Write for Tail<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Nothing is written before.
    fn flush(&mut self) -> io::Result<()> {
        let written = self.file.write_all(&self.waiting).and_then(|()| self.file.flush());
        if written.is_ok() {
            self.written.fetch_add(self.waiting.len() as u64, Ordering::Relaxed);
        }
        self.waiting.clear();
        written
    }
}

/// A file that is being written.
pub struct McapFile<F: Backing> {
    writer: Writer<NoSeek<Tail<F>>>,
    /// Bytes that are in the file: up to the end of its last chunk.
    written: Arc<AtomicU64>,
    /// Where the last chunk begins.
    last: u64,
    chunks: u64,
    /// When the present chunk was begun.
    since: Option<Instant>,
    /// Bytes of the present chunk.
    open: u64,
    /// Frames of the present chunk.
    frames: u64,
}

/// Writing failed.
#[derive(Debug)]
pub struct Broken {
    pub source: io::Error,
    /// Frames that were not written.
    pub lost: u64,
}

/// A message, and when it was.
pub struct Message<'a> {
    pub topic: Topic,
    pub sequence: u64,
    /// Nanoseconds since 1970.
    pub at: u64,
    pub data: &'a [u8],
}

impl<F: Backing> McapFile<F> {
    /// Begins a file in `backing`, which is empty.
    pub fn begin(backing: F) -> io::Result<Self> {
        let library = concat!("foveate ", env!("CARGO_PKG_VERSION"));
        let options = WriteOptions::new()
            .compression(None)
            .profile(PROFILE)
            .library(library)
            .chunk_size(None)
            .disable_seeking(true)
            // It would have to be computed over everything at the end.
            .calculate_data_section_crc(false);
        let written = Arc::<AtomicU64>::default();
        let tail = Tail { file: backing, waiting: Vec::new(), written: Arc::clone(&written) };
        let mut writer = options.create(NoSeek::new(tail)).map_err(io_error)?;
        for topic in Topic::ALL {
            let schema = topic.schema().to_string();
            let schema = writer.add_schema(topic.schema_name(), "jsonschema", schema.as_bytes()).map_err(io_error)?;
            writer.add_channel(schema, topic.name(), "json", &BTreeMap::new()).map_err(io_error)?;
        }
        Ok(McapFile { writer, written, last: 0, chunks: 0, since: None, open: PER_FILE / 2, frames: 0 })
    }

    /// Bytes that the file has at most if it is ended after a message of `more` bytes.
    pub fn size_with(&self, more: usize) -> u64 {
        let written = self.written.load(Ordering::Relaxed);
        written + self.open + more as u64 + PER_MESSAGE + (self.chunks + 2) * PER_CHUNK + PER_FILE
    }

    /// Adds a message to the present chunk.
    pub fn write(&mut self, message: &Message) -> Result<(), Broken> {
        let header = MessageHeader {
            channel_id: message.topic.channel(),
            sequence: message.sequence as u32,
            log_time: message.at,
            publish_time: message.at,
        };
        self.since.get_or_insert_with(Instant::now);
        self.open += message.data.len() as u64 + PER_MESSAGE;
        self.frames += u64::from(message.topic == Topic::Step);
        let added = self.writer.write_to_known_channel(&header, message.data);
        added.map_err(|error| self.broken(io_error(error)))
    }

    /// Writes the present chunk if it is time for it.
    pub fn tick(&mut self) -> Result<(), Broken> {
        let due = self.since.is_some_and(|since| since.elapsed() >= CHUNK_TIME);
        if due || self.open >= CHUNK_BYTES { self.write_chunk() } else { Ok(()) }
    }

    /// Writes the present chunk: what was added until now is in the file.
    pub fn write_chunk(&mut self) -> Result<(), Broken> {
        let from = self.written.load(Ordering::Relaxed);
        if let Err(error) = self.writer.flush() {
            return Err(self.broken(io_error(error)));
        }
        self.last = from;
        self.chunks += 1;
        (self.since, self.open, self.frames) = (None, 0, 0);
        Ok(())
    }

    /// Writes what waits, and the end.
    pub fn end(mut self) -> Result<(), Broken> {
        let finished = self.writer.finish().map_err(io_error);
        let (written, last, frames) = (self.written.load(Ordering::Relaxed), self.last, self.frames);
        let mut tail = self.writer.into_inner().into_inner();
        finished.and_then(|_| tail.flush()).map_err(|source| {
            cut_and_end(&mut tail.file, written, last);
            Broken { source, lost: frames }
        })
    }

    /// Ends the file behind its last whole chunk after a write that failed.
    pub fn give_up(self) {
        let (written, last) = (self.written.load(Ordering::Relaxed), self.last);
        let mut tail = self.writer.into_inner().into_inner();
        cut_and_end(&mut tail.file, written, last);
    }

    fn broken(&self, source: io::Error) -> Broken {
        Broken { source, lost: self.frames }
    }
}

/// Cuts off what was written in part and ends the file. On a disk without room for its end the last chunk goes too; a file that
/// cannot be written at all stays without an end, and can be read like that.
fn cut_and_end(file: &mut impl Backing, written: u64, last: u64) {
    // Without a beginning nothing could be read: the file is left empty.
    if written == 0 {
        let _ = file.cut(0);
        return;
    }
    for length in [written, last] {
        let ended = file.cut(length).and_then(|()| file.write_all(&end())).and_then(|()| file.flush());
        if ended.is_ok() {
            return;
        }
    }
    // Nothing more can be done.
    let _ = file.cut(last);
}

/// The end of a file without a summary.
fn end() -> Vec<u8> {
    let record = |opcode: u8, length: u8| {
        let mut record = vec![opcode, length, 0, 0, 0, 0, 0, 0, 0];
        record.resize(record.len() + usize::from(length), 0);
        record
    };
    [record(op::DATA_END, 4), record(op::FOOTER, 20), mcap::MAGIC.to_vec()].concat()
}

fn io_error(error: McapError) -> io::Error {
    match error {
        McapError::Io(error) => error,
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests;

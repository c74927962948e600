//! Reading a recording from its beginning, with as much as can be had of one that is damaged or has no end.

mod resync;

use std::collections::HashMap;
use std::fs::File;
#[cfg(any(test, fuzzing))]
use std::io;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mcap::records::{Record, op};
use serde_json::Value;

use super::wire::{SessionMessage, StepMessage};
use super::{PROFILE, RECORDING_VERSION, Topic, image};
use crate::error::{IoError, RecordingError, Result};
use crate::session::Step;
use crate::time::Timestamp;

/// Most bytes of a chunk: about as many as a second of the largest frames takes.
const MAX_CHUNK: u64 = 512 << 20;
/// Most bytes of any other record in the file, and of a message that holds no image.
const MAX_RECORD: u64 = 32 << 20;
/// Damaged parts after which nothing more is looked for: each costs another look at what follows.
const MAX_DAMAGE: u32 = 256;
/// Opcode and length.
const RECORD_HEADER: u64 = 9;

/// Something that a recording holds, in the order in which it was written.
#[derive(Debug)]
pub enum Item {
    /// What holds for all that follows.
    Session(Box<SessionMessage>),
    /// What the session was given for a frame.
    Frame(RecordedFrame),
    /// What was found on the frame before: `frame`, `time_s`, `age_ms`, `objects`.
    Selections(Value),
    /// Something that happened.
    Event(Value),
    /// The run's summary.
    Summary(Value),
    /// Something that could not be read; what follows is read again as soon as it can be.
    Damage(Damage),
}

/// A frame and what was applied on it.
#[derive(Debug)]
pub struct RecordedFrame {
    /// Seconds since the stream's first frame.
    pub time_s: f64,
    /// What the session was given.
    pub step: Step,
}

/// A part of a recording that is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Damage {
    /// Where it begins, in bytes from the start of the file.
    pub at: u64,
    /// What is wrong.
    pub reason: String,
    /// The file breaks off: whoever wrote it was killed, or it was not copied to its end. Nothing before is lost.
    pub is_cut: bool,
}

/// Reads a recording. Its memory is bounded by the largest chunk, whatever the file says.
pub struct Reader<R> {
    path: PathBuf,
    file: R,
    length: u64,
    /// Where the next record begins.
    at: u64,
    /// Behind all that is known to be whole: where to look for the next chunk after damage.
    trusted: u64,
    chunk: Vec<u8>,
    /// What is unread of the chunk begins here, and the chunk's records in the file there.
    in_chunk: usize,
    chunk_at: u64,
    topics: HashMap<u16, Topic>,
    /// The last image, which waits for its step.
    image: Option<(Topic, Vec<u8>)>,
    damaged: u32,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Start,
    Data,
    /// The end of the data was seen.
    Ended,
    /// Nothing more comes.
    Done,
}

impl Reader<BufReader<File>> {
    /// Opens the recording at `path`.
    ///
    /// # Errors
    /// A file that cannot be read or is none.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(IoError::when("read", path))?;
        let length = file.metadata().map_err(IoError::when("read", path))?.len();
        Reader::new(path, BufReader::with_capacity(1 << 20, file), length)
    }
}

impl<R: Read + Seek> Reader<R> {
    /// Reads `file`, which has `length` bytes; `path` is what errors call it.
    ///
    /// # Errors
    /// [`RecordingError::Foreign`] for what does not begin as a recording does.
    pub fn new(path: &Path, mut file: R, length: u64) -> Result<Self> {
        let mut magic = [0; mcap::MAGIC.len()];
        let read = file.read_exact(&mut magic);
        if read.is_err() || magic != *mcap::MAGIC {
            let reason = if length == 0 { "it is empty" } else { "it is no MCAP file" };
            return Err(RecordingError::Foreign { path: path.to_owned(), reason: reason.into() }.into());
        }
        let at = magic.len() as u64;
        Ok(Reader {
            path: path.to_owned(),
            file,
            length,
            at,
            trusted: at,
            chunk: Vec::new(),
            in_chunk: 0,
            chunk_at: 0,
            topics: HashMap::new(),
            image: None,
            damaged: 0,
            state: State::Start,
        })
    }

    /// The next item; `None` after the last.
    ///
    /// # Errors
    /// A file of another program or of a later version of this one, or that the system does not read. Damage is an item.
    pub fn next_item(&mut self) -> Result<Option<Item>> {
        loop {
            if self.in_chunk < self.chunk.len() {
                if let Some(item) = self.next_in_chunk()? {
                    return Ok(Some(item));
                }
                continue;
            }
            if self.state == State::Done {
                return Ok(None);
            }
            if let Some(item) = self.next_in_file()? {
                self.damaged += 1;
                if self.damaged == MAX_DAMAGE {
                    self.state = State::Done;
                }
                return Ok(Some(item));
            }
        }
    }

    /// Takes in the next record of the file; what it holds comes from the chunk, unless it is damage.
    fn next_in_file(&mut self) -> Result<Option<Item>> {
        let start = self.at;
        let left = self.length.saturating_sub(start);
        if left < RECORD_HEADER {
            return Ok(self.end(start));
        }
        let mut header = [0; RECORD_HEADER as usize];
        self.read(&mut header)?;
        let [opcode, length @ ..] = header;
        let length = u64::from_le_bytes(length);
        let limit = if opcode == op::CHUNK { MAX_CHUNK } else { MAX_RECORD };
        let is_known = (op::HEADER..=op::DATA_END).contains(&opcode) || opcode >= 0x80;
        if !is_known || length > limit {
            let what = if is_known { "a record of absurd length" } else { "no record" };
            return self.resync(start, what);
        }
        if length > left - RECORD_HEADER {
            // Cut off there, unless there is more.
            return self.resync(start, "a record breaks off");
        }
        let mut body = std::mem::take(&mut self.chunk);
        body.resize(length as usize, 0);
        self.read(&mut body)?;
        let (taken, is_chunk) = (self.take_record(start, opcode, &body), opcode == op::CHUNK);
        self.chunk = body;
        let kept = match taken? {
            Ok(kept) => kept,
            Err(reason) if is_chunk => {
                self.chunk.clear();
                // Its length may be what is wrong.
                self.trusted = start + RECORD_HEADER;
                return Ok(Some(damage(start, reason)));
            }
            Err(reason) => {
                self.chunk.clear();
                return self.resync(start, &reason);
            }
        };
        match kept {
            Some(from) => {
                self.trusted = self.at;
                (self.in_chunk, self.chunk_at) = (from, start + RECORD_HEADER);
            }
            None => self.chunk.clear(),
        }
        Ok(None)
    }

    /// Looks at a record of the file: where in it a chunk's records begin, if it is one.
    ///
    /// # Errors
    /// A file that is not read at all; the inner error for damage.
    fn take_record(&mut self, start: u64, opcode: u8, body: &[u8]) -> Result<Result<Option<usize>, String>> {
        if !matches!(opcode, op::HEADER | op::CHUNK | op::DATA_END | op::CHANNEL) {
            return Ok(Ok(None));
        }
        let record = match mcap::parse_record(opcode, body) {
            Ok(record) => record,
            Err(error) => return Ok(Err(error.to_string())),
        };
        match record {
            Record::Header(header) if self.state == State::Start => {
                if header.profile != PROFILE {
                    return Err(self.foreign(format!("its profile is `{}`, not `{PROFILE}`", header.profile)).into());
                }
                self.state = State::Data;
                self.trusted = start + RECORD_HEADER + body.len() as u64;
            }
            Record::Chunk { header, data } => {
                // Any other name is damage.
                if matches!(header.compression.as_str(), "zstd" | "lz4") {
                    let reason =
                        format!("its chunks are compressed with {}: `mcap decompress` undoes that", header.compression);
                    return Err(self.foreign(reason).into());
                }
                if !header.compression.is_empty() || header.uncompressed_size != data.len() as u64 {
                    return Ok(Err("a chunk whose header is wrong".into()));
                }
                if header.uncompressed_crc != 0 && header.uncompressed_crc != crc32fast::hash(&data) {
                    return Ok(Err("a chunk whose checksum is wrong".into()));
                }
                return Ok(Ok(Some(body.len() - data.len())));
            }
            Record::DataEnd(_) => self.state = State::Ended,
            Record::Channel(channel) => self.note_channel(channel.id, &channel.topic),
            _ => {}
        }
        Ok(Ok(None))
    }

    fn note_channel(&mut self, id: u16, topic: &str) {
        if let Some(topic) = Topic::named(topic) {
            self.topics.insert(id, topic);
        }
    }

    /// The next item of the chunk, if the next record is one.
    fn next_in_chunk(&mut self) -> Result<Option<Item>> {
        let at = self.chunk_at + self.in_chunk as u64;
        let rest = &self.chunk[self.in_chunk..];
        let record = rest.split_first_chunk::<{ RECORD_HEADER as usize }>().and_then(|(header, rest)| {
            let [opcode, length @ ..] = *header;
            let length = usize::try_from(u64::from_le_bytes(length)).ok()?;
            Some((opcode, rest.get(..length)?))
        });
        let Some((opcode, body)) = record else {
            self.in_chunk = self.chunk.len();
            return Ok(Some(damage(at, "a chunk whose records do not add up".into())));
        };
        self.in_chunk += RECORD_HEADER as usize + body.len();
        if !matches!(opcode, op::CHANNEL | op::MESSAGE) {
            return Ok(None);
        }
        let (topic, data) = match mcap::parse_record(opcode, body) {
            Ok(Record::Channel(channel)) => {
                self.note_channel(channel.id, &channel.topic);
                return Ok(None);
            }
            Ok(Record::Message { header, data }) => {
                // The chunk that names the channels may be the one that is lost.
                let ours = || Topic::ALL.into_iter().find(|topic| topic.channel() == header.channel_id);
                let Some(topic) = self.topics.get(&header.channel_id).copied().or_else(ours) else { return Ok(None) };
                (topic, data.into_owned())
            }
            Ok(_) => return Ok(None),
            Err(error) => return Ok(Some(damage(at, error.to_string()))),
        };
        self.message(topic, data, at)
    }

    fn message(&mut self, topic: Topic, data: Vec<u8>, at: u64) -> Result<Option<Item>> {
        if matches!(topic, Topic::Image | Topic::RawImage) {
            self.image = Some((topic, data));
            return Ok(None);
        }
        if matches!(topic, Topic::Annotations | Topic::Calibration) {
            return Ok(None);
        }
        if data.len() as u64 > MAX_RECORD {
            return Ok(Some(damage(at, format!("a message of {} bytes", data.len()))));
        }
        let item = match topic {
            Topic::Session => serde_json::from_slice(&data).map(|session| Item::Session(Box::new(session))),
            Topic::Selections => serde_json::from_slice(&data).map(Item::Selections),
            Topic::Event => serde_json::from_slice(&data).map(Item::Event),
            Topic::Summary => serde_json::from_slice(&data).map(Item::Summary),
            _ => {
                let image = self.image.take();
                let step = serde_json::from_slice::<StepMessage>(&data).map_err(|error| error.to_string());
                return Ok(Some(match step.and_then(|step| recorded(step, image)) {
                    Ok(recorded) => Item::Frame(recorded),
                    Err(reason) => damage(at, format!("a frame that cannot be read: {reason}")),
                }));
            }
        };
        match item {
            Ok(Item::Session(session)) if session.version > RECORDING_VERSION => {
                let (theirs, program) = (session.version, session.program);
                let reason =
                    format!("{program} wrote it in version {theirs}, and this program reads {RECORDING_VERSION}");
                Err(self.foreign(reason).into())
            }
            Ok(item) => Ok(Some(item)),
            Err(error) => Ok(Some(damage(at, format!("a message of {} that is none: {error}", topic.name())))),
        }
    }

    /// The file has no more records.
    fn end(&mut self, at: u64) -> Option<Item> {
        let ended = self.state == State::Ended;
        self.state = State::Done;
        (!ended).then(|| Item::Damage(Damage { at, reason: "it has no end".into(), is_cut: true }))
    }

    /// Goes on with the next whole chunk after damage at `start`.
    fn resync(&mut self, start: u64, what: &str) -> Result<Option<Item>> {
        // The end of a whole file is no chunk.
        if self.state == State::Ended {
            self.state = State::Done;
            return Ok(None);
        }
        let from = self.trusted.max(mcap::MAGIC.len() as u64);
        let found = resync::find_chunk(&mut self.file, from, self.length);
        match found.map_err(IoError::when("read", &self.path))? {
            Some(next) => {
                // The next damage is looked for behind it.
                self.trusted = next + 1;
                self.seek(next)?;
                Ok(Some(damage(start, what.to_owned())))
            }
            None => {
                self.state = State::Done;
                Ok(Some(Item::Damage(Damage { at: start, reason: what.to_owned(), is_cut: true })))
            }
        }
    }

    fn seek(&mut self, to: u64) -> Result<()> {
        self.file.seek(SeekFrom::Start(to)).map_err(IoError::when("read", &self.path))?;
        self.at = to;
        Ok(())
    }

    fn read(&mut self, into: &mut [u8]) -> Result<()> {
        self.file.read_exact(into).map_err(IoError::when("read", &self.path))?;
        self.at += into.len() as u64;
        Ok(())
    }

    fn foreign(&self, reason: String) -> RecordingError {
        RecordingError::Foreign { path: self.path.clone(), reason }
    }
}

fn damage(at: u64, reason: String) -> Item {
    Item::Damage(Damage { at, reason, is_cut: false })
}

fn recorded(step: StepMessage, image: Option<(Topic, Vec<u8>)>) -> Result<RecordedFrame, String> {
    let (topic, data) = image.ok_or("its image is missing")?;
    if topic.name() != step.image.topic {
        return Err(format!("its image is on {}, not on {}", topic.name(), step.image.topic));
    }
    let frame = image::decode(&data, &step.image, step.frame, Timestamp::from_nanos(step.captured_ns))?;
    Ok(RecordedFrame { time_s: step.time_s, step: step.step(Arc::new(frame))? })
}

/// Reads all of `bytes`, as a fuzz target.
#[cfg(any(test, fuzzing))]
pub fn read_all(bytes: &[u8]) -> Result<Vec<Item>> {
    let mut reader = Reader::new(Path::new("recording"), io::Cursor::new(bytes), bytes.len() as u64)?;
    let mut items = Vec::new();
    while let Some(item) = reader.next_item()? {
        items.push(item);
    }
    Ok(items)
}

use std::ffi::OsString;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::{HeaderMap, Response, StatusCode, header};

use super::client::agent;
use super::pin::{Digests, Pin};
use crate::error::{DownloadError, Error, IoError};
use crate::output::claim_file;
use crate::text::address_without_password;

/// Attempts that bring nothing before it is given up.
const FRUITLESS: u32 = 4;
/// Bytes that an attempt has to bring to count as one that brought something.
const WORTHWHILE: u64 = 1 << 10;
/// Wait after the first of them; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// What is fetched.
#[derive(Clone, Copy, Debug)]
pub struct Fetch<'a> {
    /// An http or https address.
    pub address: &'a str,
    /// What the file must be.
    pub pin: &'a Pin,
    /// Most bytes that it may have.
    pub limit: u64,
}

/// Who looks on.
pub trait Watch {
    /// `done` bytes are here, of `all` where that was told. Asked after every block, and in every wait; false stops.
    fn at(&mut self, done: u64, all: Option<u64>) -> bool;
}

/// Fetches a file to `target` and tells what it is.
///
/// What has come is kept beside it in `target.part`, and the next call goes on from there by an HTTP range request, if it is of the same
/// address and the server's file is still the same. After a cut it goes on by itself as long as more comes. `target` itself is made,
/// or replaced, by the whole file once that is what [`Fetch::pin`] says.
///
/// # Errors
/// [`DownloadError`]; [`IoError`] if the file cannot be written.
pub fn fetch(fetch: &Fetch<'_>, target: &Path, watch: &mut dyn Watch) -> Result<Digests, Error> {
    let mut transfer = Transfer::open(fetch, target)?;
    let fetched = transfer.run(target, watch);
    if fetched.is_err() && transfer.done == 0 {
        transfer.discard();
    }
    fetched
}

/// Where a partial file comes from.
#[derive(Default, PartialEq, Serialize, Deserialize)]
struct Origin {
    address: String,
    /// The server's tag or date of its file.
    validator: Option<String>,
}

struct Transfer<'a> {
    fetch: Fetch<'a>,
    /// The address for messages.
    shown: String,
    part: PathBuf,
    notes: PathBuf,
    file: File,
    origin: Origin,
    done: u64,
    /// Some of what is here came with another answer than the rest.
    resumed: bool,
    /// The server cannot go on where it was cut off.
    from_start: bool,
}

/// How one answer ended.
enum Ended {
    Whole,
    /// Why it is not whole.
    Broken(DownloadError),
}

impl<'a> Transfer<'a> {
    fn open(fetch: &Fetch<'a>, target: &Path) -> Result<Self, Error> {
        let beside = |ending: &str| {
            let mut name = OsString::from(target.file_name().unwrap_or_default());
            name.push(ending);
            target.with_file_name(name)
        };
        let (part, notes) = (beside(".part"), beside(".part.toml"));
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&part);
        let file = opened.map_err(IoError::when("write", &part))?;
        claim_file(&file).map_err(IoError::when("write", &part))?;
        // Whoever had it until now may have given the file its own name.
        if !is_at(&file, &part) {
            let other = std::io::Error::other("another program has just fetched it; give the command again");
            return Err(IoError::when("write", &part)(other).into());
        }
        let told = std::fs::read_to_string(&notes).ok().and_then(|text| toml::from_str(&text).ok());
        let origin: Origin = told.unwrap_or_default();
        let done = file.metadata().map_err(IoError::when("read", &part))?.len();
        let mut transfer = Transfer {
            fetch: *fetch,
            shown: address_without_password(fetch.address),
            part,
            notes,
            file,
            origin,
            done,
            resumed: done > 0,
            from_start: false,
        };
        if done > 0 && (transfer.origin.address != fetch.address || done > fetch.limit) {
            transfer.restart()?;
        }
        Ok(transfer)
    }

    fn run(&mut self, target: &Path, watch: &mut dyn Watch) -> Result<Digests, Error> {
        let agent = agent(self.fetch.address)?.build().new_agent();
        loop {
            self.until_whole(&agent, watch)?;
            match self.fetch.pin.check(&self.part, &self.shown) {
                Ok(found) => {
                    self.finish(target)?;
                    return Ok(found);
                }
                // The beginning may be of another file than the end. What comes in one piece after that is what there is.
                Err(_) if self.resumed => {
                    self.restart()?;
                    self.from_start = true;
                }
                Err(error) => {
                    self.discard();
                    return Err(error);
                }
            }
        }
    }

    fn until_whole(&mut self, agent: &ureq::Agent, watch: &mut dyn Watch) -> Result<(), Error> {
        let (mut fruitless, mut wait) = (0, FIRST_WAIT);
        // A server that begins anew each time must come further each time, and a trickle is not asked for without end.
        let mut furthest = self.done;
        loop {
            let error = match self.attempt(agent, watch)? {
                Ended::Whole => return Ok(()),
                Ended::Broken(error) => error,
            };
            if self.done >= furthest + WORTHWHILE {
                (furthest, fruitless, wait) = (self.done, 0, FIRST_WAIT);
                continue;
            }
            fruitless += 1;
            if fruitless == FRUITLESS {
                return Err(match (error, self.done) {
                    (DownloadError::Unreachable { address, reason }, done @ 1..) => {
                        DownloadError::Cut { address, done, reason }.into()
                    }
                    (error, _) => error.into(),
                });
            }
            self.pause(wait, watch)?;
            wait *= 2;
        }
    }

    /// Asks once, for what is not here yet.
    fn attempt(&mut self, agent: &ureq::Agent, watch: &mut dyn Watch) -> Result<Ended, Error> {
        let mut request = agent.get(self.fetch.address);
        if self.done > 0 && !self.from_start {
            request = request.header(header::RANGE, format!("bytes={}-", self.done));
            if let Some(validator) = &self.origin.validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let mut answer = match request.call() {
            Ok(answer) => answer,
            Err(error) => return self.broken(error),
        };
        let all = match answer.status() {
            StatusCode::OK => {
                self.restart()?;
                self.origin = Origin { address: self.fetch.address.into(), validator: validator(answer.headers()) };
                self.note()?;
                number(answer.headers(), header::CONTENT_LENGTH)
            }
            StatusCode::PARTIAL_CONTENT if self.done > 0 => match content_range(answer.headers()) {
                Some((from, all)) if from == self.done => {
                    self.resumed = true;
                    all
                }
                _ => return self.without_ranges("it went on at another place than it was asked to"),
            },
            StatusCode::RANGE_NOT_SATISFIABLE if self.done > 0 && !self.from_start => {
                // The cut was at the very end, or the file is another by now; its hash will tell.
                let all = header_text(answer.headers(), header::CONTENT_RANGE)
                    .and_then(|range| range.strip_prefix("bytes */")?.parse().ok());
                if all == Some(self.done) {
                    return Ok(Ended::Whole);
                }
                return self.without_ranges("it has another file than before");
            }
            status => {
                let refused = DownloadError::Status { address: self.shown.clone(), status: status.to_string() };
                let passes = status.is_server_error()
                    || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
                return if passes { Ok(Ended::Broken(refused)) } else { Err(refused.into()) };
            }
        };
        self.receive(&mut answer, all, watch)
    }

    fn receive(
        &mut self,
        answer: &mut Response<ureq::Body>,
        all: Option<u64>,
        watch: &mut dyn Watch,
    ) -> Result<Ended, Error> {
        if let Some(all) = all {
            self.check_length(Some(all))?;
        }
        let mut body = answer.body_mut().as_reader();
        let mut block = vec![0u8; 1 << 16];
        self.file.seek(SeekFrom::Start(self.done)).map_err(IoError::when("write", &self.part))?;
        loop {
            if !watch.at(self.done, all) {
                return Err(DownloadError::Stopped { done: self.done }.into());
            }
            let n = match body.read(&mut block) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) => return Ok(Ended::Broken(self.unreachable(error.to_string()))),
            };
            if self.done + n as u64 > self.fetch.limit {
                self.check_length(None)?;
            }
            self.file.write_all(&block[..n]).map_err(IoError::when("write", &self.part))?;
            self.done += n as u64;
        }
        Ok(match all {
            Some(all) if self.done < all => Ended::Broken(self.unreachable("the connection was closed".into())),
            _ => Ended::Whole,
        })
    }

    /// Refuses a length of `bytes`, or one that was not told and has proven to be over the limit, and forgets what has come.
    fn check_length(&mut self, bytes: Option<u64>) -> Result<(), Error> {
        let limit = self.fetch.limit;
        if bytes.is_some_and(|bytes| bytes <= limit) {
            return Ok(());
        }
        self.discard();
        Err(DownloadError::TooLarge { what: self.shown.clone(), bytes, limit }.into())
    }

    fn without_ranges(&mut self, why: &'static str) -> Result<Ended, Error> {
        tracing::info!("{}: {why}, so it is fetched from its beginning", self.shown);
        self.restart()?;
        self.from_start = true;
        Ok(Ended::Broken(self.unreachable(why.into())))
    }

    /// What no other attempt changes is an error at once.
    fn broken(&self, error: ureq::Error) -> Result<Ended, Error> {
        let reason = error.to_string();
        // A certificate that is not trusted.
        let is_foreign = matches!(&error, ureq::Error::Io(io) if io.kind() == ErrorKind::InvalidData);
        Err(match error {
            ureq::Error::Io(_) if is_foreign => self.unreachable(reason),
            ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_) => {
                return Ok(Ended::Broken(self.unreachable(reason)));
            }
            ureq::Error::RequireHttpsOnly(_) => {
                let reason =
                    "it leads from https to plain http, which is not followed: give the address that it leads to"
                        .into();
                DownloadError::Address { address: self.shown.clone(), reason }
            }
            _ => self.unreachable(reason),
        }
        .into())
    }

    fn unreachable(&self, reason: String) -> DownloadError {
        DownloadError::Unreachable { address: self.shown.clone(), reason }
    }

    fn pause(&self, wait: Duration, watch: &mut dyn Watch) -> Result<(), Error> {
        const SLICE: Duration = Duration::from_millis(50);
        let mut left = wait;
        while !left.is_zero() {
            if !watch.at(self.done, None) {
                return Err(DownloadError::Stopped { done: self.done }.into());
            }
            std::thread::sleep(left.min(SLICE));
            left = left.saturating_sub(SLICE);
        }
        Ok(())
    }

    /// Forgets what has come.
    fn restart(&mut self) -> Result<(), Error> {
        self.file.set_len(0).map_err(IoError::when("write", &self.part))?;
        (self.done, self.resumed) = (0, false);
        Ok(())
    }

    fn note(&self) -> Result<(), Error> {
        let text = toml::to_string(&self.origin).unwrap_or_default();
        Ok(std::fs::write(&self.notes, text).map_err(IoError::when("write", &self.notes))?)
    }

    fn finish(&mut self, target: &Path) -> Result<(), Error> {
        self.file.sync_all().map_err(IoError::when("write", &self.part))?;
        std::fs::rename(&self.part, target).map_err(IoError::when("write", target))?;
        // Without its partial file it says nothing.
        let _ = std::fs::remove_file(&self.notes);
        Ok(())
    }

    /// The file is not worth going on with. What cannot be removed is begun anew by the next call.
    fn discard(&mut self) {
        let _ = std::fs::remove_file(&self.part);
        let _ = std::fs::remove_file(&self.notes);
    }
}

/// Whether the open `file` is the one that `path` names.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let own = |about: std::io::Result<std::fs::Metadata>| about.ok().map(|about| (about.dev(), about.ino()));
        own(file.metadata()).is_some_and(|own_file| own(std::fs::metadata(path)) == Some(own_file))
    }
    #[cfg(not(unix))]
    {
        let _ = (file, path);
        true
    }
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn number(headers: &HeaderMap, name: header::HeaderName) -> Option<u64> {
    header_text(headers, name)?.parse().ok()
}

/// What the server knows this very file by: a strong tag, or else its date.
fn validator(headers: &HeaderMap) -> Option<String> {
    let tag = header_text(headers, header::ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| header_text(headers, header::LAST_MODIFIED)).map(str::to_owned)
}

/// First byte and length of all, of `bytes FIRST-LAST/ALL`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let (range, all) = header_text(headers, header::CONTENT_RANGE)?.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.parse().ok()?, all.parse().ok()))
}

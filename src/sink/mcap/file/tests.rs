use std::path::Path;
use std::sync::{Arc, Mutex};

use super::*;
use crate::recording::{Item, Reader};

/// A disk with room for so many bytes.
#[derive(Clone, Default)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = self.bytes.lock().unwrap();
        let taken = bytes.len().min(self.room.saturating_sub(all.len()));
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        all.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Backing for Disk {
    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.bytes.lock().unwrap().truncate(length as usize);
        Ok(())
    }
}

/// Events of so many chunks, one each; whether the disk took them all, and what it holds.
fn record(room: usize, chunks: u64) -> (bool, Vec<u8>) {
    let disk = Disk { room, ..Disk::default() };
    let mut file = McapFile::begin(disk.clone()).ok().unwrap();
    for n in 0..chunks {
        let data = format!("{{\"event\":\"n\",\"time_s\":{n},\"rest\":\"{}\"}}", "x".repeat(500));
        let message = Message { topic: Topic::Event, sequence: n, at: n, data: data.as_bytes() };
        if file.write(&message).and_then(|()| file.write_chunk()).is_err() {
            file.give_up();
            return (false, disk.bytes.lock().unwrap().clone());
        }
    }
    let ended = file.end().is_ok();
    (ended, disk.bytes.lock().unwrap().clone())
}

fn events(bytes: &[u8]) -> (u64, bool) {
    let mut reader = Reader::new(Path::new("x"), io::Cursor::new(bytes), bytes.len() as u64).unwrap();
    let (mut count, mut is_whole) = (0, true);
    while let Some(item) = reader.next_item().unwrap() {
        match item {
            Item::Event(event) => {
                assert_eq!(event["time_s"], count);
                count += 1;
            }
            Item::Damage(_) => is_whole = false,
            other => panic!("{other:?}"),
        }
    }
    (count, is_whole)
}

#[test]
fn a_full_disk_leaves_a_whole_file_with_all_that_went_onto_it() {
    let (_, all) = record(usize::MAX, 12);
    assert_eq!(events(&all), (12, true));
    // The schemas come with the first chunk.
    let first = record(usize::MAX, 1).1.len();
    let mut most = 0;
    for room in (first..all.len()).step_by(97) {
        let (ended, bytes) = record(room, 12);
        let (count, is_whole) = events(&bytes);
        assert!(!ended && is_whole && bytes.len() <= room, "{room}: {count} {is_whole}");
        assert!(bytes.ends_with(mcap::MAGIC));
        assert!(count + 1 >= most, "{room}: {count} of {most}");
        most = most.max(count);
    }
    assert!(most >= 11, "{most}");
}

#[test]
fn a_disk_that_takes_nothing_is_an_error() {
    for room in [0, 4, 8, 60] {
        let (ended, bytes) = record(room, 2);
        assert!(!ended && bytes.len() <= room);
    }
}

#[test]
fn files_are_as_the_other_readers_expect() {
    let (_, bytes) = record(usize::MAX, 3);
    let summary = mcap::Summary::read(&bytes).unwrap().expect("it has a summary");
    assert_eq!((summary.chunk_indexes.len(), summary.channels.len()), (3, Topic::ALL.len()));
    assert_eq!(summary.stats.unwrap().message_count, 3);
    assert_eq!(mcap::MessageStream::new(&bytes).unwrap().filter(Result::is_ok).count(), 3);
}

//! How much memory a stream may take.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::machine::kib;

/// A number of bytes, written as `512M` or `2G`; K, M, G stand for powers of 1024.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    const MIB: u64 = 1 << 20;

    /// What a stream may take when nobody says: a quarter of the machine's memory, at least 256 MiB and at most 2 GiB. `root`
    /// is `/` but for tests.
    pub fn for_streams(root: &Path) -> Self {
        let meminfo = std::fs::read_to_string(root.join("proc/meminfo")).unwrap_or_default();
        let quarter = kib(&meminfo, "MemTotal").map_or(2048 * Self::MIB, |kib| kib.saturating_mul(256));
        ByteSize(quarter.clamp(256 * Self::MIB, 2048 * Self::MIB))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        crate::address::bytes(text).map(ByteSize)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 30) => write!(f, "{}G", bytes >> 30),
            bytes if bytes.is_multiple_of(1 << 20) => write!(f, "{}M", bytes >> 20),
            bytes if bytes.is_multiple_of(1 << 10) => write!(f, "{}K", bytes >> 10),
            bytes => write!(f, "{bytes}"),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in [("1", 1), ("4K", 4096), ("512M", 512 << 20), ("1.5g", 3 << 29), ("2G", 2 << 30)] {
            let size: ByteSize = text.parse().unwrap();
            assert_eq!(size, ByteSize(bytes));
            assert_eq!(size.to_string().parse(), Ok(size));
        }
        for text in ["", "M", "-1G", "0", "nan", "1T", "1e30G", "12 M", "é"] {
            assert!(text.parse::<ByteSize>().unwrap_err().contains("512M"), "{text}");
        }
    }

    #[test]
    fn a_stream_may_take_a_quarter_of_the_memory() {
        let dir = tempfile::tempdir().unwrap();
        let of = |kib: u64| {
            std::fs::create_dir_all(dir.path().join("proc")).unwrap();
            std::fs::write(dir.path().join("proc/meminfo"), format!("MemTotal:  {kib} kB\n")).unwrap();
            ByteSize::for_streams(dir.path()).0 >> 20
        };
        assert_eq!([of(4 << 20), of(512 << 10), of(64 << 20)], [1024, 256, 2048]);
    }
}

use std::path::Path;

use super::files::damaged;
use crate::error::ConfigError;

/// Longest record that is believed.
const MAX_RECORD_BYTES: usize = 4096;

/// How a record of a `.raw` file is laid out: fields one after the other, little-endian, as its `.dtype` file says.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    fields: Vec<(String, Kind, usize)>,
    size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Unsigned(usize),
    Signed(usize),
    Float(usize),
}

impl Kind {
    fn parse(name: &str) -> Option<Kind> {
        let (kind, bits): (fn(usize) -> Kind, &str) = if let Some(bits) = name.strip_prefix("uint") {
            (Kind::Unsigned, bits)
        } else if let Some(bits) = name.strip_prefix("int") {
            (Kind::Signed, bits)
        } else {
            (Kind::Float, name.strip_prefix("float")?)
        };
        let bytes = bits.parse::<usize>().ok().filter(|bits| matches!(bits, 8 | 16 | 32 | 64))? / 8;
        let kind = kind(bytes);
        (!matches!(kind, Kind::Float(1 | 2))).then_some(kind)
    }

    fn bytes(self) -> usize {
        match self {
            Kind::Unsigned(bytes) | Kind::Signed(bytes) | Kind::Float(bytes) => bytes,
        }
    }
}

impl Layout {
    /// Reads a NumPy list of fields: `("x", "float32"), ("y", "float32"), …`.
    ///
    /// # Errors
    /// A type that is not an integer or float, or a record of no or of absurd size; they name `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Layout, ConfigError> {
        let quoted: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
        let (mut fields, mut size) = (Vec::new(), 0);
        let (pairs, rest) = quoted.as_chunks::<2>();
        for [name, kind] in pairs {
            let kind = Kind::parse(kind)
                .ok_or_else(|| damaged(path, format!("field `{name}` has the unknown type `{kind}`")))?;
            fields.push((name.to_string(), kind, size));
            size += kind.bytes();
        }
        if !rest.is_empty() || size == 0 || size > MAX_RECORD_BYTES {
            return Err(damaged(path, "no list of fields such as (\"x\", \"float32\")"));
        }
        Ok(Layout { fields, size })
    }

    /// The records of a file.
    ///
    /// # Errors
    /// If the last one is cut off.
    pub fn records<'a>(
        &'a self,
        path: &Path,
        bytes: &'a [u8],
    ) -> Result<impl ExactSizeIterator<Item = &'a [u8]>, ConfigError> {
        if !bytes.len().is_multiple_of(self.size) {
            let reason =
                format!("truncated: {} bytes are no whole number of records of {} bytes", bytes.len(), self.size);
            return Err(damaged(path, reason));
        }
        Ok(bytes.chunks_exact(self.size))
    }

    /// A getter for a field of any record.
    ///
    /// # Errors
    /// If there is no such field; they name `path`.
    pub fn field(&self, path: &Path, name: &str) -> Result<Field, ConfigError> {
        let found = self.fields.iter().find(|(n, ..)| n == name);
        let (_, kind, at) = found.ok_or_else(|| damaged(path, format!("no field `{name}`")))?;
        Ok(Field { kind: *kind, at: *at })
    }
}

/// Where a field lies in a record.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    kind: Kind,
    at: usize,
}

impl Field {
    /// The field as an integer; a float loses its fraction, and a record that is too short reads as 0.
    pub fn int(self, record: &[u8]) -> i64 {
        match self.kind {
            Kind::Float(_) => self.float(record) as i64,
            Kind::Unsigned(_) => self.bits(record) as i64,
            Kind::Signed(bytes) => {
                let unused = 64 - 8 * bytes as u32;
                (self.bits(record) << unused) as i64 >> unused
            }
        }
    }

    /// The field as a float.
    pub fn float(self, record: &[u8]) -> f64 {
        match self.kind {
            Kind::Float(4) => f32::from_bits(self.bits(record) as u32).into(),
            Kind::Float(_) => f64::from_bits(self.bits(record)),
            _ => self.int(record) as f64,
        }
    }

    fn bits(self, record: &[u8]) -> u64 {
        let bytes = record.get(self.at..self.at + self.kind.bytes()).unwrap_or_default();
        bytes.iter().rev().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_lie_one_after_the_other() {
        let text = "[\n(\"a\",  \"int32\"),\n(\"b\", \"int64\"),\n(\"c\", \"float32\"), (\"d\", \"uint8\"),\n]";
        let layout = Layout::parse(Path::new("x.dtype"), text).unwrap();
        let mut bytes = Vec::new();
        bytes.extend((-2i32).to_le_bytes());
        bytes.extend((1i64 << 60).to_le_bytes());
        bytes.extend(0.5f32.to_le_bytes());
        bytes.push(255);
        let path = Path::new("x.raw");
        let records: Vec<&[u8]> = layout.records(path, &bytes).unwrap().collect();
        let field = |name| layout.field(path, name).unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!((field("a").int(records[0]), field("b").int(records[0])), (-2, 1 << 60));
        assert_eq!((field("c").float(records[0]), field("d").int(records[0])), (0.5, 255));
        assert!(layout.field(path, "e").unwrap_err().to_string().contains("`e`"));
        assert!(layout.records(path, &bytes[1..]).err().unwrap().to_string().contains("truncated"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "[]", "(\"x\")", "(\"x\", \"float33\")", "(\"x\", \"float16\")", "(\"x\", \"U8\")"] {
            assert!(Layout::parse(Path::new("x"), text).is_err(), "{text}");
        }
    }
}

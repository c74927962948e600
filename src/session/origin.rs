/// By which channel a request came, and on a shared display by which user: each origin has its own place in the queue, so that
/// none can take the others' time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(u64);

impl Origin {
    /// The user of the machine itself: touch and gaze.
    pub const LOCAL: Origin = Origin(0);

    /// A source of prompts by its number, such as the first script of a stream.
    pub const fn source(number: u32) -> Origin {
        Origin(1 << 32 | number as u64)
    }

    /// A page in a browser by its number.
    pub const fn page(number: u32) -> Origin {
        Origin(2 << 32 | number as u64)
    }

    /// The number of a page in a browser; `None` for other origins.
    pub const fn page_number(self) -> Option<u32> {
        if self.0 >> 32 == 2 { Some(self.0 as u32) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_channels_are_one() {
        let all = [Origin::LOCAL, Origin::source(0), Origin::source(u32::MAX), Origin::page(0), Origin::page(u32::MAX)];
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(Origin::default(), Origin::LOCAL);
        let pages = all.map(Origin::page_number);
        assert_eq!(pages, [None, None, None, Some(0), Some(u32::MAX)]);
    }
}

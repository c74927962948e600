use std::borrow::Cow;
use std::time::Duration;

use super::{Source, SourceEvent, SourceInfo, Step};
use crate::error::Result;
use crate::frame::Frame;
use crate::sync::{LatestSlot, Received};

/// A source in whose place another one can be put while a stream reads it.
pub struct Exchangeable {
    current: Box<dyn Source>,
    incoming: LatestSlot<Box<dyn Source>>,
    /// Added to the sequence numbers of the present source, so that they go on from those of the one before.
    offset: u64,
    next: u64,
    /// Reports that the source is another one now.
    changed: bool,
}

/// Puts a source in the place of an [`Exchangeable`]'s.
#[derive(Clone)]
pub struct Exchange(LatestSlot<Box<dyn Source>>);

impl Exchange {
    /// Reads from `source` from the next frame on. It must stamp its frames with the stream's clock.
    pub fn put(&self, source: Box<dyn Source>) {
        self.0.put(source);
    }
}

impl Exchangeable {
    /// Begins with `source`.
    pub fn new(source: Box<dyn Source>) -> (Self, Exchange) {
        let incoming = LatestSlot::new();
        let exchange = Exchange(incoming.clone());
        (Exchangeable { current: source, incoming, offset: 0, next: 0, changed: false }, exchange)
    }
}

impl Source for Exchangeable {
    fn info(&self) -> &SourceInfo {
        self.current.info()
    }

    fn next_frame(&mut self, frame: &mut Frame, timeout: Duration) -> Result<Step> {
        if let Received::Value(source) = self.incoming.take(Duration::ZERO) {
            self.current = source;
            self.offset = self.next;
            self.changed = true;
        }
        let step = self.current.next_frame(frame, timeout)?;
        if step == Step::Frame {
            frame.sequence += self.offset;
            self.next = self.next.max(frame.sequence + 1);
        }
        Ok(step)
    }

    fn take_event(&mut self) -> Option<SourceEvent> {
        if std::mem::take(&mut self.changed) {
            let message = Cow::Owned(format!("frames come from {} now", self.current.info().address));
            return Some(SourceEvent::Warned { count: 1, message });
        }
        self.current.take_event()
    }

    #[cfg(target_os = "linux")]
    fn dma_buffers(&self) -> std::io::Result<Vec<std::os::fd::OwnedFd>> {
        self.current.dma_buffers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;
    use crate::geometry::Size;

    /// Frames without pixels.
    struct Counting(SourceInfo, u64);

    fn counting(address: &str) -> Box<dyn Source> {
        let (size, format) = (Size::new(4, 4), PixelFormat::Rgb24);
        Box::new(Counting(SourceInfo { address: address.into(), size, format, rate: None, intrinsics: None }, 0))
    }

    impl Source for Counting {
        fn info(&self) -> &SourceInfo {
            &self.0
        }

        fn next_frame(&mut self, frame: &mut Frame, _: Duration) -> Result<Step> {
            frame.sequence = self.1;
            self.1 += 2;
            Ok(Step::Frame)
        }
    }

    #[test]
    fn another_source_goes_on_counting_and_says_who_it_is() {
        let (mut source, exchange) = Exchangeable::new(counting("first"));
        let mut frame = Frame::default();
        let mut numbers = |source: &mut Exchangeable| {
            (0..3)
                .map(|_| {
                    source.next_frame(&mut frame, Duration::ZERO).unwrap();
                    frame.sequence
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(&mut source), [0, 2, 4]);
        assert_eq!(source.take_event(), None);
        exchange.put(counting("second"));
        assert_eq!(source.info().address, "first", "until the next frame");
        assert_eq!(numbers(&mut source), [5, 7, 9]);
        assert_eq!(source.info().address, "second");
        let message = "frames come from second now".into();
        assert_eq!(source.take_event(), Some(SourceEvent::Warned { count: 1, message }));
        assert_eq!(source.take_event(), None);
    }
}

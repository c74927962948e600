use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Embedding, Encoder, ModelIdentity};
use crate::engine::{Graph, Session};
use crate::error::{ModelError, Result};
use crate::frame::{Frame, Normalization, Preprocessor};
use crate::geometry::{Fit, Region, Size};

/// A compiled encoder of any family: one image in, the embedding's tensors out.
#[derive(Clone, Debug)]
pub(super) struct EncoderPart {
    pub graph: Graph,
    pub input: Size,
}

impl EncoderPart {
    /// The time of one run of each, the shortest of a few. They take turns, so that what else the machine does meets all;
    /// the first run of each warms it up. Slow encoders are run less often: no more than half a second goes into this
    /// after every one has run once.
    pub fn time(parts: &[&EncoderPart]) -> Result<Vec<Duration>, ModelError> {
        const RUNS: usize = 5;
        const ENOUGH: Duration = Duration::from_millis(500);
        let mut sessions = parts.iter().map(|part| part.graph.session()).collect::<Result<Vec<_>, _>>()?;
        let mut outputs = Vec::new();
        let mut shortest = vec![Duration::MAX; parts.len()];
        let mut all = Duration::ZERO;
        for _ in 0..RUNS {
            for (session, shortest) in sessions.iter_mut().zip(&mut shortest) {
                let began = Instant::now();
                session.run(&mut outputs)?;
                let time = began.elapsed();
                *shortest = time.min(*shortest);
                all += time;
            }
            if all >= ENOUGH {
                break;
            }
        }
        Ok(shortest)
    }
}

/// The encoder of one thread.
pub(super) struct ImageEncoder {
    model: Arc<str>,
    identity: Arc<ModelIdentity>,
    part: EncoderPart,
    fit: Fit,
    normalization: Normalization,
    session: Session,
    preprocessor: Preprocessor,
}

impl ImageEncoder {
    pub fn new(
        model: Arc<str>,
        identity: Arc<ModelIdentity>,
        part: &EncoderPart,
        fit: Fit,
        normalization: Normalization,
    ) -> Result<Self, ModelError> {
        Ok(ImageEncoder {
            model,
            identity,
            session: part.graph.session()?,
            preprocessor: Preprocessor::fitting(part.input, fit, normalization),
            part: part.clone(),
            fit,
            normalization,
        })
    }
}

impl Encoder for ImageEncoder {
    fn input_size(&self) -> Size {
        self.part.input
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        out.letterbox = self.preprocessor.run_region(frame, region, self.session.input_mut(0)?)?;
        self.session.run_finite(&mut out.tensors)?;
        out.model = self.model.clone();
        out.identity = Some(Arc::clone(&self.identity));
        Ok(())
    }

    fn another(&self) -> Result<Option<Box<dyn Encoder>>> {
        let (model, identity) = (self.model.clone(), Arc::clone(&self.identity));
        let other = ImageEncoder::new(model, identity, &self.part, self.fit, self.normalization)?;
        Ok(Some(Box::new(other)))
    }

    fn identity(&self) -> Option<Arc<ModelIdentity>> {
        Some(Arc::clone(&self.identity))
    }
}

//! A recorded run once more, without threads: the session is given what it was given, and gives what it gave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::degrade::Switch;
use crate::error::Result;
use crate::frame::Frame;
use crate::geometry::{Region, Size};
use crate::model::{Decoder, Embedding, Encoder, ModelIdentity};
use crate::record::{Event, FrameRecord};
use crate::session::{Applied, Encoded, Session, Setup, Step, StepKind};
use crate::time::ManualClock;

/// The encoder and decoder of one model.
pub type LoadedParts = (Box<dyn Encoder>, Box<dyn Decoder>);

/// Loads a model as it ran; `None` stands for one of no files.
pub type LoadModel<'a> = dyn FnMut(Option<&ModelIdentity>) -> Result<LoadedParts> + 'a;

/// A session that is given the steps of a recording. With the same model on the same machine its records hold the same selections, to
/// the last bit.
///
/// What its results depend on is in the steps: which frames were encoded, with which of the model's forms, what was applied on each in
/// which order, and which encoder gave second looks then.
pub struct Rerun<'a> {
    session: Session,
    encoder: Box<dyn Encoder>,
    switch: Switch,
    /// As the recording names it; the files here may be others.
    present: Option<Arc<ModelIdentity>>,
    closer: Option<Closer>,
    load: Box<LoadModel<'a>>,
    clock: ManualClock,
    record: FrameRecord,
}

impl<'a> Rerun<'a> {
    /// A session as `setup` says; `load` is asked for each form of the model when it is needed first.
    ///
    /// # Errors
    /// Those of `load`.
    pub fn new(setup: &Setup, mut load: Box<LoadModel<'a>>) -> Result<Self> {
        let (encoder, decoder) = load(setup.model.as_deref())?;
        let another = if setup.looks_closer { encoder.another()? } else { None };
        let closer = another.map(|another| Closer::new(setup.model.clone(), another));
        let name = name_of(&setup.model);
        let (switch, encoder, _, decoder) = Switch::new(name, encoder, None, decoder);
        let clock = ManualClock::default();
        let looks = closer.clone().map(|closer| Box::new(closer) as Box<dyn Encoder>);
        let session = Session::new(looks, decoder, setup.config, Arc::new(clock.clone()));
        let present = setup.model.clone();
        Ok(Rerun { session, encoder, switch, present, closer, load, clock, record: FrameRecord::default() })
    }

    /// Gives the session a step; `None` if it made no record of it then.
    ///
    /// # Errors
    /// A frame that cannot be encoded, a model that breaks its own contract or cannot be loaded.
    pub fn step(&mut self, step: &Step) -> Result<Option<&FrameRecord>> {
        let frame = &step.frame;
        self.clock.set(frame.captured_at);
        self.session.set_origin(step.origin);
        self.record.clear();
        let has_record = match &step.kind {
            StepKind::Followed(model) | StepKind::Encoded(model) => {
                self.change_to(model)?;
                let mut encoded = Encoded::empty();
                self.encoder.encode(frame, &mut encoded.embedding)?;
                encoded.frame = Arc::clone(frame);
                self.session.set_frame(&Arc::new(encoded));
                step.applied.iter().try_for_each(|applied| self.apply(applied))?;
                let follows = matches!(step.kind, StepKind::Followed(_));
                if follows {
                    self.session.follow(&mut self.record)?;
                }
                follows
            }
            StepKind::Propagated => self.session.propagate(frame, &mut self.record),
        };
        self.record.sequence = frame.sequence;
        self.record.captured_at = frame.captured_at;
        self.record.time_s = frame.captured_at.signed_secs_since(step.origin);
        self.record.frame = Some(Arc::clone(frame));
        Ok(has_record.then_some(&self.record))
    }

    /// What happened in the last step.
    pub fn drain_events(&mut self) -> impl Iterator<Item = Event> {
        self.session.drain_events()
    }

    fn apply(&mut self, applied: &Applied) -> Result<()> {
        match applied {
            Applied::Request(request, model) => {
                if let Some(closer) = self.closer.as_ref().filter(|closer| !closer.change_to(model)) {
                    let (encoder, decoder) = (self.load)(model.as_deref())?;
                    let name = name_of(model);
                    // It may look before the first frame is encoded so.
                    self.switch.put_decoder(name, &*encoder, decoder);
                    closer.add(model.clone(), encoder);
                }
                self.session.apply(request.clone())?;
            }
            Applied::Looked(looked) => self.session.apply_looked(looked),
        }
        Ok(())
    }

    /// Encodes with `model` from now on.
    fn change_to(&mut self, model: &Option<Arc<ModelIdentity>>) -> Result<()> {
        if *model != self.present {
            let (encoder, decoder) = (self.load)(model.as_deref())?;
            let name = name_of(model);
            self.switch.put(name, encoder, decoder)?;
            self.present.clone_from(model);
        }
        Ok(())
    }
}

/// The name by which embeddings of `model` find their decoder.
fn name_of(model: &Model) -> &str {
    model.as_ref().map_or("", |model| model.name.as_str())
}

/// An encoder for second looks that is exchanged between two requests. Clones are one.
#[derive(Clone)]
struct Closer(Arc<Mutex<Encoders>>);

/// A model by the recording's name for it.
type Model = Option<Arc<ModelIdentity>>;

struct Encoders {
    /// By the recording's names.
    known: Vec<(Model, Box<dyn Encoder>)>,
    at: usize,
}

impl Closer {
    fn new(model: Option<Arc<ModelIdentity>>, encoder: Box<dyn Encoder>) -> Self {
        Closer(Arc::new(Mutex::new(Encoders { known: vec![(model, encoder)], at: 0 })))
    }

    /// Goes over to the encoder of `model`; false if it is not known.
    fn change_to(&self, model: &Option<Arc<ModelIdentity>>) -> bool {
        let mut encoders = self.lock();
        let at = encoders.known.iter().position(|(known, _)| known == model);
        encoders.at = at.unwrap_or(encoders.at);
        at.is_some()
    }

    fn add(&self, model: Option<Arc<ModelIdentity>>, encoder: Box<dyn Encoder>) {
        let mut encoders = self.lock();
        encoders.at = encoders.known.len();
        encoders.known.push((model, encoder));
    }

    fn lock(&self) -> MutexGuard<'_, Encoders> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Encoder for Closer {
    fn input_size(&self) -> Size {
        let encoders = self.lock();
        encoders.known[encoders.at].1.input_size()
    }

    fn encode_region(&mut self, frame: &Frame, region: Region, out: &mut Embedding) -> Result<()> {
        let mut encoders = self.lock();
        let at = encoders.at;
        encoders.known[at].1.encode_region(frame, region, out)
    }
}

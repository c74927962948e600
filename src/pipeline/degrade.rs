//! Giving up quality in declared steps when a stream costs more than the board allows, and taking it back when it does not.
//!
//! A light thread looks at the latency of the last records and at the thermometer twice a second. The controller, which is
//! a pure state machine, decides; the supervisor takes the step: it loads the model at the rung's size and precision
//! on its own thread, while the stream goes on, and hands encoder and decoder over through latest-value slots, which the
//! stages look into between frames. Selections live through the change: see `switch::LadderDecoder`.

mod controller;
mod ladder;
mod log;
mod models;
mod supervisor;
mod switch;

pub use ladder::{Ladder, Setting, Variant};
pub use log::{DegradeSummary, Step};
pub use models::ModelVariants;

pub(super) use log::Log;
pub(super) use supervisor::{Stream, Supervisor};
pub(super) use switch::Switch;

use crate::board::{Budgets, Thermometer};
use crate::error::Result;
use crate::model::{Decoder, Encoder};

/// Makes the model's other sizes and precisions when they are wanted.
pub trait Variants: Send {
    /// An encoder, and the decoder of its embeddings. It may take seconds: the stream does not wait for it.
    ///
    /// # Errors
    /// The rung is then left out for the rest of the stream.
    fn load(&mut self, variant: Variant) -> Result<(Box<dyn Encoder>, Box<dyn Decoder>)>;
}

/// What a stream gives up, when, and with what.
pub struct Degrade {
    /// What latency, temperature and the like may not exceed.
    pub budgets: Budgets,
    /// Its first setting is that of the encoder and decoder that the pipeline starts with.
    pub ladder: Ladder,
    /// Loads the model of another rung.
    pub variants: Box<dyn Variants>,
    /// Reads the board's temperature.
    pub thermometer: Box<dyn Thermometer>,
}

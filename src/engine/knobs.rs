use serde::Serialize;
use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::knobs::KnobScope;

/// A setting of tract that differs here from tract's own default while a graph is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Knob {
    /// Name of the setting and of the environment variable that overrides it.
    pub name: &'static str,
    /// The value used here.
    pub value: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// The measurement that chose the value.
    pub why: &'static str,
}

const KNOBS: &[Knob] = &[Knob {
    name: "TRACT_DISABLE_DIRECT_SPATIAL",
    value: "true",
    doc: "Takes 3x3 convolutions over rows of 128 pixels or more through im2col instead of a filter along the rows.",
    why: "Up to twice as fast with AVX2; no difference with AVX-512. tract's other convolution knobs stay as they are: \
          eager instead of lazy im2col made the encoder a fifth slower.",
}];

/// Every knob set while graphs are compiled. An environment variable of the same name takes precedence.
pub fn knobs() -> &'static [Knob] {
    KNOBS
}

/// The scope that applies [`knobs`], without those that the environment sets.
pub(super) fn scope() -> TractResult<KnobScope> {
    let unset = |k: &&Knob| std::env::var_os(k.name).is_none();
    KnobScope::new(KNOBS.iter().filter(unset).map(|k| (k.name, k.value)))
}

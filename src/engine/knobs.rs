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
    doc: "Whether 3x3 convolutions over wide pictures go through im2col and a matrix product instead of a filter along rows.",
    why: "to be measured",
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

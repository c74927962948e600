use tract_onnx::tract_core::internal::TractResult;
use tract_onnx::tract_core::knobs::KnobScope;

/// A setting of tract that differs here from tract's own default while a graph is compiled.
struct Knob {
    /// Name of the setting and of the environment variable that overrides it.
    name: &'static str,
    value: &'static str,
}

/// Every knob set while graphs are compiled. An environment variable of the same name takes precedence.
const KNOBS: &[Knob] = &[
    // Takes 3x3 convolutions over rows of 128 pixels or more through im2col instead of a filter along the rows: up to twice
    // as fast with AVX2, no difference with AVX-512. tract's other convolution knobs stay as they are: eager instead of lazy
    // im2col made the encoder a fifth slower.
    Knob { name: "TRACT_DISABLE_DIRECT_SPATIAL", value: "true" },
];

/// The scope that applies [`KNOBS`], without those that the environment sets.
pub(super) fn scope() -> TractResult<KnobScope> {
    let unset = |k: &&Knob| std::env::var_os(k.name).is_none();
    KnobScope::new(KNOBS.iter().filter(unset).map(|k| (k.name, k.value)))
}

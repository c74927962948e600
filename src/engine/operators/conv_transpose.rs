//! `ConvTranspose`: tract cuts nothing off for `output_shape`, and knows no `auto_pad` beside it or `output_padding`.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::{Deconv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::nn::DataFormat;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::Built;
use super::wiring::{Wiring, known};

#[derive(Clone, Copy, Debug, PartialEq)]
enum AutoPad {
    NotSet,
    Valid,
    Upper,
    Lower,
}

#[derive(Clone, Debug)]
struct ConvTranspose {
    auto_pad: AutoPad,
    /// Begins, then ends.
    pads: Option<Vec<usize>>,
    strides: Option<Vec<usize>>,
    dilations: Option<Vec<usize>>,
    output_padding: Option<Vec<usize>>,
    output_shape: Option<Vec<usize>>,
    group: usize,
    has_bias: bool,
}

/// One spatial axis: what is cut off at either end, what is added at the end, and the length that is left.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cut {
    begin: usize,
    end: usize,
    added: usize,
    length: usize,
}

pub(super) fn conv_transpose(_: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let auto_pad = match node.get_attr_opt("auto_pad")?.unwrap_or("NOTSET") {
        "NOTSET" => AutoPad::NotSet,
        "VALID" => AutoPad::Valid,
        "SAME_UPPER" => AutoPad::Upper,
        "SAME_LOWER" => AutoPad::Lower,
        other => bail!("auto_pad `{other}` is none"),
    };
    let op = ConvTranspose {
        auto_pad,
        pads: node.get_attr_opt_vec("pads")?,
        strides: node.get_attr_opt_vec("strides")?,
        dilations: node.get_attr_opt_vec("dilations")?,
        output_padding: node.get_attr_opt_vec("output_padding")?,
        output_shape: node.get_attr_opt_vec("output_shape")?,
        group: node.get_attr_opt("group")?.unwrap_or(1),
        has_bias: node.input.get(2).is_some_and(|name| !name.is_empty()),
    };
    ensure!(op.group > 0, "group is 0");
    Ok((expand(op), vec![]))
}

impl ConvTranspose {
    /// ONNX's text: `total_padding = stride * (input - 1) + output_padding + (kernel - 1) * dilation + 1 - output_shape`.
    fn cuts(&self, input: &[usize], kernel: &[usize]) -> TractResult<Vec<Cut>> {
        let rank = input.len();
        ensure!(kernel.len() == rank, "a kernel of {} axes for {rank}", kernel.len());
        let lengths = [
            (&self.strides, 1),
            (&self.dilations, 1),
            (&self.output_padding, 1),
            (&self.output_shape, 1),
            (&self.pads, 2),
        ];
        for (given, times) in lengths {
            ensure!(
                given.as_ref().is_none_or(|g| g.len() == times * rank),
                "an attribute of another length than {rank} axes"
            );
        }
        let at = |given: &Option<Vec<usize>>, axis: usize, default: usize| given.as_ref().map_or(default, |g| g[axis]);
        // Some exporters give the whole shape, but ONNX asks for the spatial part, which the check above ensures.
        (0..rank)
            .map(|axis| {
                let (stride, dilation) = (at(&self.strides, axis, 1), at(&self.dilations, axis, 1));
                ensure!(input[axis] > 0 && kernel[axis] > 0 && stride > 0 && dilation > 0, "an axis of no length");
                let added = at(&self.output_padding, axis, 0);
                let whole = (input[axis] - 1) * stride + (kernel[axis] - 1) * dilation + 1 + added;
                let same = matches!(self.auto_pad, AutoPad::Upper | AutoPad::Lower);
                let wanted = match &self.output_shape {
                    Some(shape) => Some(shape[axis]),
                    None if same => Some(input[axis] * stride),
                    None => None,
                };
                let Some(length) = wanted else {
                    let pads = self.pads.as_ref().filter(|_| self.auto_pad == AutoPad::NotSet);
                    let (begin, end) = pads.map_or((0, 0), |p| (p[axis], p[axis + rank]));
                    let length = whole.checked_sub(begin + end).filter(|l| *l > 0);
                    let length = length.context("its pads leave nothing of it")?;
                    return Ok(Cut { begin, end, added, length });
                };
                ensure!(length > 0, "output_shape holds a 0");
                let total = whole.saturating_sub(length);
                let (small, large) = (total / 2, total - total / 2);
                let (begin, end) = if self.auto_pad == AutoPad::Upper { (small, large) } else { (large, small) };
                Ok(Cut { begin, end, added: added + length.saturating_sub(whole), length })
            })
            .collect()
    }
}

impl Expansion for ConvTranspose {
    fn name(&self) -> StaticName {
        "ConvTranspose".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.equals(&inputs[0].datum_type, &inputs[1].datum_type)?;
        s.equals(&inputs[0].rank, &inputs[1].rank)?;
        s.equals(&inputs[0].rank, &outputs[0].rank)?;
        s.given_2(&inputs[0].shape, &inputs[1].shape, move |s, x, weights| {
            let (Ok(x), Ok(weights)) = (known(&x), known(&weights)) else { return Ok(()) };
            ensure!(x.len() > 2 && x[1] == weights[0], "{x:?} by weights of {weights:?}");
            let cuts = self.cuts(&x[2..], &weights[2..])?;
            let channels = [x[0], weights[1] * self.group];
            let shape: TVec<TDim> =
                channels.into_iter().chain(cuts.iter().map(|c| c.length)).map(|d| d.to_dim()).collect();
            s.equals(&outputs[0].shape, shape)
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let (x, weights) = (w.shape(inputs[0])?, w.shape(inputs[1])?);
        let cuts = self.cuts(&x[2..], &weights[2..])?;
        // From (group, in) out h w to (group, out) in h w.
        let mut kernel = AxisOp::wire_split_axis(w.model, format!("{prefix}.split"), inputs[1], 0, self.group)?[0];
        kernel = w.node("reorder", AxisOp::Move(1, 2), &[kernel])?;
        kernel = AxisOp::wire_collapse_axis(w.model, format!("{prefix}.merge"), kernel, 0)?[0];
        let bias = if self.has_bias { inputs[2] } else { w.scalar(0.0, inputs[0])? };
        let spec = PoolSpec::new(
            DataFormat::NCHW,
            weights[2..].into(),
            PaddingSpec::Explicit(cuts.iter().map(|c| c.begin).collect(), cuts.iter().map(|c| c.end).collect()),
            self.dilations.as_ref().map(|d| d.as_slice().into()),
            self.strides.as_ref().map(|d| d.as_slice().into()),
            weights[0],
            weights[1] * self.group,
        );
        let added = cuts.iter().map(|c| c.added).collect();
        let op = Deconv::new(spec, KernelFormat::OIHW, added, self.group);
        w.model.wire_node(prefix, op, &[inputs[0], kernel, bias])
    }
}

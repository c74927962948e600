//! `Resize` and, in its terms, the older `Upsample`.
//!
//! tract takes `length * scale` for the length that `align_corners` stretches over, where ONNX Runtime takes the whole
//! number of samples: with sizes instead of scales both are the same. Its operator set 10 has the newer default of
//! `nearest_mode`, but then rounded down.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::{AttributeProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::infer::{Solver, TensorProxy};
use tract_onnx::tract_hir::internal::{Expansion, InferenceResult, expand};

use super::wiring::{Wiring, axis_of};
use super::{Built, expansion, upstream};

pub(super) fn resize(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let coordinates = node.get_attr_opt("coordinate_transformation_mode")?.unwrap_or("half_pixel");
    ensure!(
        coordinates != "tf_crop_and_resize",
        "coordinate_transformation_mode `tf_crop_and_resize` is not computed: cut out the region with Slice before it"
    );
    ensure!(
        !(coordinates == "pytorch_half_pixel" && node.get_attr_opt("mode")? == Some("cubic")),
        "coordinate_transformation_mode `pytorch_half_pixel` is not computed with mode `cubic`: export it with `half_pixel`"
    );
    if ctx.onnx_operator_set_version < 11 {
        return upstream(ctx, &with_text(node, "nearest_mode", "floor"));
    }
    let scales = if ctx.onnx_operator_set_version < 13 { 2 } else { 2.min(node.input.len()) };
    let has = |ix: usize| node.input.get(ix).is_some_and(|name| !name.is_empty());
    if coordinates != "align_corners" || !has(scales) || has(3) {
        return upstream(ctx, node);
    }
    ensure!(
        node.get_attr_opt::<i64>("antialias")?.unwrap_or(0) == 0,
        "antialias with `align_corners` is computed for sizes and not for scales: export it with `half_pixel`"
    );
    let given = optional_place(node, scales);
    let mut sized = node.clone();
    sized.input = vec!["x".into(), String::new(), String::new(), "sizes".into()];
    let newer = ParsingContext { onnx_operator_set_version: ctx.onnx_operator_set_version.max(13), ..ctx.clone() };
    let op = Aligned {
        scaled: expansion(upstream(ctx, node)?)?,
        sized: expansion(upstream(&newer, &sized)?)?,
        scales: given,
        axes: node.get_attr_opt_vec("axes")?,
    };
    Ok((expand(op), vec![]))
}

/// Which of the inputs that are there the one in `slot` is.
fn optional_place(node: &NodeProto, slot: usize) -> usize {
    node.input.iter().take(slot).filter(|name| !name.is_empty()).count()
}

pub(super) fn upsample(ctx: &ParsingContext, node: &NodeProto) -> TractResult<Built> {
    let mut resize = with_text(node, "coordinate_transformation_mode", "asymmetric");
    resize = with_text(&resize, "nearest_mode", "floor");
    resize.op_type = "Resize".into();
    resize.input = vec!["x".into(), String::new(), "scales".into()];
    let newer = ParsingContext { onnx_operator_set_version: 13, ..ctx.clone() };
    let scales = node.get_attr_opt_vec::<f32>("scales")?;
    ensure!(scales.is_some() || node.input.len() == 2, "it has no scales");
    Ok((expand(Upsample { resize: expansion(upstream(&newer, &resize)?)?, scales }), vec![]))
}

fn with_text(node: &NodeProto, name: &str, value: &str) -> NodeProto {
    let mut node = node.clone();
    node.attribute.retain(|a| a.name != name);
    node.attribute.push(AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: value.into(),
        ..AttributeProto::default()
    });
    node
}

/// `align_corners` with scales.
#[derive(Clone, Debug)]
struct Aligned {
    scaled: Box<dyn Expansion>,
    sized: Box<dyn Expansion>,
    /// Which input the scales are.
    scales: usize,
    axes: Option<Vec<i64>>,
}

impl Expansion for Aligned {
    fn name(&self) -> StaticName {
        "Resize".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        self.scaled.rules(s, inputs, outputs)
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut w = Wiring::new(prefix, model);
        let shape = w.shape(inputs[0])?;
        let scales = w
            .fact(inputs[self.scales])?
            .konst
            .clone()
            .context("its scales depend on the data: they must be constants")?;
        let scales = scales.cast_to::<f32>()?;
        let scales = scales.to_plain_array_view::<f32>()?;
        let sizes = scales.iter().enumerate().map(|(ix, scale)| {
            let axis = self
                .axes
                .as_ref()
                .map_or(Ok(ix), |axes| axis_of(axes.get(ix).copied().unwrap_or(i64::MAX), shape.len()))?;
            ensure!(axis < shape.len(), "more scales than axes");
            Ok((shape[axis] as f32 * scale).floor() as i64)
        });
        let sizes = tensor1(&sizes.collect::<TractResult<Vec<i64>>>()?);
        let sizes = w.constant(sizes)?;
        self.sized.wire(prefix, model, &[inputs[0], sizes])
    }
}

#[derive(Clone, Debug)]
struct Upsample {
    resize: Box<dyn Expansion>,
    /// Before operator set 9 an attribute, since an input.
    scales: Option<Vec<f32>>,
}

impl Expansion for Upsample {
    fn name(&self) -> StaticName {
        "Upsample".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        let Some(scales) = &self.scales else { return self.resize.rules(s, inputs, outputs) };
        s.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        s.given(&inputs[0].shape, move |s, shape| {
            ensure!(shape.len() == scales.len(), "{} scales for {} axes", scales.len(), shape.len());
            for (ix, (length, scale)) in shape.iter().zip(scales).enumerate() {
                if let Ok(length) = length.to_usize() {
                    s.equals(&outputs[0].shape[ix], ((length as f32 * scale).floor() as usize).to_dim())?;
                }
            }
            Ok(())
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let Some(scales) = &self.scales else { return self.resize.wire(prefix, model, inputs) };
        let scales = Wiring::new(prefix, model).constant(tensor1(scales))?;
        self.resize.wire(prefix, model, &[inputs[0], scales])
    }
}

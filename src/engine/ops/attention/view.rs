//! Tensors that are parts of others, in another order: they need not be made to be read.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::array::Slice;
use tract_onnx::tract_core::ops::change_axes::AxisOp;

use super::shape_of;

/// Where the numbers of a tensor lie in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
    pub offset: usize,
}

impl View {
    /// All of a tensor.
    pub fn whole(shape: &[usize]) -> View {
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        View { shape: shape.to_vec(), strides, offset: 0 }
    }

    /// What `outlet` is of the earliest tensor of which it is a part, and that tensor.
    pub fn of(model: &TypedModel, outlet: OutletId) -> Option<(OutletId, View)> {
        let mut nodes = Vec::new();
        let mut source = outlet;
        loop {
            let node = model.node(source.node);
            let moves = node.op_is::<AxisOp>() || node.op_is::<Slice>();
            // A constant is read as it is.
            if !moves || model.outlet_fact(source).ok()?.konst.is_some() {
                break;
            }
            nodes.push(node);
            source = node.inputs[0];
        }
        // Not every change of shape can be looked through: then what it makes is the tensor.
        loop {
            let whole = View::whole(&shape_of(model, source)?);
            match nodes.iter().rev().try_fold(whole, View::after) {
                Some(view) => return Some((source, view)),
                None => source = nodes.pop()?.id.into(),
            }
        }
    }

    fn after(mut self, node: &&TypedNode) -> Option<View> {
        if let Some(slice) = node.op_as::<Slice>() {
            let (start, end) = (slice.start.to_usize().ok()?, slice.end.to_usize().ok()?);
            self.offset += start * self.strides[slice.axis];
            self.shape[slice.axis] = end.checked_sub(start)?;
            return Some(self);
        }
        match node.op_as::<AxisOp>()? {
            AxisOp::Add(at) => {
                self.shape.insert(*at, 1);
                self.strides.insert(*at, 0);
            }
            AxisOp::Rm(at) => {
                (self.shape.remove(*at) == 1).then_some(())?;
                self.strides.remove(*at);
            }
            AxisOp::Move(from, to) => {
                let (size, stride) = (self.shape.remove(*from), self.strides.remove(*from));
                self.shape.insert(*to, size);
                self.strides.insert(*to, stride);
            }
            AxisOp::Reshape(at, from, to) => {
                // Axes that follow each other in memory are one, which may be split again; the innermost is last.
                let mut left: Vec<(usize, usize)> = Vec::new();
                for (size, stride) in
                    self.shape.drain(*at..*at + from.len()).zip(self.strides.drain(*at..*at + from.len()))
                {
                    match left.last_mut() {
                        _ if size == 1 => {}
                        Some((count, outer)) if *outer == size * stride => (*count, *outer) = (*count * size, stride),
                        _ => left.push((size, stride)),
                    }
                }
                for size in to.iter().rev() {
                    let size = size.to_usize().ok()?;
                    let stride = if size == 1 {
                        0
                    } else {
                        let (count, stride) = left.pop()?;
                        count.is_multiple_of(size).then_some(())?;
                        if count > size {
                            left.push((count / size, stride * size));
                        }
                        stride
                    };
                    self.shape.insert(*at, size);
                    self.strides.insert(*at, stride);
                }
                left.is_empty().then_some(())?;
            }
        }
        Some(self)
    }
}

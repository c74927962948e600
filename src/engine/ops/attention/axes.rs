//! Which axis is which through products and changes of shape.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::DimLike;
use tract_onnx::tract_core::ops::change_axes::AxisOp;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::shape_of;
use super::view::View;

/// A part of an axis of a product: of the numbers from 0 to the letter's size those that are `inner` apart, `size` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Factor {
    pub letter: char,
    pub inner: usize,
    pub size: usize,
}

/// What each axis of a tensor is made of, the outermost factor first; an axis of 1 of nothing.
#[derive(Clone, Debug)]
pub(super) struct Axes(pub Vec<Vec<Factor>>);

/// A tensor of a product, or the part of another tensor that it is.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    letters: Vec<char>,
    view: View,
}

/// The letters of a product of two tensors of `f32`.
#[derive(Clone, Debug)]
pub(super) struct Letters {
    pub inputs: [Tensor; 2],
    pub output: Tensor,
}

/// How far apart the factors lie in a tensor, in floats.
#[derive(Clone, Debug)]
pub(super) struct Strides(Vec<(Factor, usize)>);

impl Tensor {
    fn of(view: View, letters: &str) -> Option<Tensor> {
        let letters: Vec<char> = letters.chars().collect();
        // A letter that is there twice is a diagonal.
        let once = letters.iter().enumerate().all(|(at, letter)| !letters[..at].contains(letter));
        (once && letters.len() == view.shape.len()).then_some(Tensor { letters, view })
    }

    fn sizes(&self) -> impl Iterator<Item = (char, usize)> + '_ {
        self.letters.iter().copied().zip(self.view.shape.iter().copied())
    }

    /// Whether it has the letter, and more than 1 of it.
    pub fn has(&self, letter: char) -> bool {
        self.sizes().any(|(own, size)| own == letter && size > 1)
    }

    pub fn axis(&self, letter: char) -> Option<usize> {
        self.letters.iter().position(|own| *own == letter)
    }

    /// Where it begins, and floats from one of the letter to the next.
    pub fn offset(&self) -> usize {
        self.view.offset
    }

    pub fn stride(&self, letter: char) -> Option<usize> {
        Some(self.view.strides[self.axis(letter)?])
    }

    /// The strides, where each letter is made of what `factors` says.
    pub fn strides(&self, factors: impl Fn(char) -> Option<Vec<Factor>>) -> Option<Strides> {
        let axes = self.sizes().map(|(letter, size)| if size == 1 { Some(Vec::new()) } else { factors(letter) });
        let axes = Axes(axes.collect::<Option<_>>()?);
        Some(axes.strided(&self.view.shape, &self.view.strides))
    }
}

impl Letters {
    /// Of `node`, whose inputs are read as `views` says.
    pub fn of(model: &TypedModel, node: &TypedNode, op: &EinSum, views: [View; 2]) -> Option<Letters> {
        let [one, other] = views;
        let (inputs, outputs) = op.axes.to_strs();
        let ([first, second], [output]) = (inputs.as_slice(), outputs.as_slice()) else { return None };
        if op.q_params.is_some() {
            return None;
        }
        Some(Letters {
            inputs: [Tensor::of(one, first)?, Tensor::of(other, second)?],
            output: Tensor::of(View::whole(&shape_of(model, node.id.into())?), output)?,
        })
    }

    /// The letters of which there is more than 1, in the output's order.
    pub fn sizes(&self) -> Vec<(char, usize)> {
        let mut sizes: Vec<(char, usize)> = Vec::new();
        for (letter, size) in self.output.sizes().chain(self.inputs[0].sizes()).chain(self.inputs[1].sizes()) {
            if size > 1 && sizes.iter().all(|(known, _)| *known != letter) {
                sizes.push((letter, size));
            }
        }
        sizes
    }

    /// The letter as a factor of its own.
    pub fn whole(&self, letter: char) -> Vec<Factor> {
        let size = self.sizes().iter().find(|(known, _)| *known == letter).map(|(_, size)| *size);
        size.map(|size| Factor { letter, inner: 1, size }).into_iter().collect()
    }

    /// The axes of the output.
    pub fn axes(&self) -> Axes {
        Axes(self.output.letters.iter().map(|letter| self.whole(*letter)).collect())
    }
}

impl Axes {
    /// The axes after `op`, if every axis is still made of whole factors.
    pub fn after(mut self, op: &AxisOp) -> Option<Axes> {
        match op {
            AxisOp::Add(at) => self.0.insert(*at, Vec::new()),
            AxisOp::Rm(at) => self.0.remove(*at).is_empty().then_some(())?,
            AxisOp::Move(from, to) => {
                let axis = self.0.remove(*from);
                self.0.insert(*to, axis);
            }
            AxisOp::Reshape(at, from, to) => {
                let mut left: Vec<Factor> = self.0.drain(*at..*at + from.len()).flatten().collect();
                left.reverse();
                for (offset, size) in to.iter().enumerate() {
                    let axis = taken(&mut left, size.to_usize().ok()?)?;
                    self.0.insert(*at + offset, axis);
                }
                left.is_empty().then_some(())?;
            }
        }
        Some(self)
    }

    /// The strides of a tensor of `shape` that is added to one with these axes: along an axis of 1 it is the same everywhere.
    pub fn strides(&self, shape: &[usize]) -> Strides {
        self.strided(shape, &View::whole(shape).strides)
    }

    fn strided(&self, shape: &[usize], strides: &[usize]) -> Strides {
        let mut all = Vec::new();
        for ((axis, size), stride) in self.0.iter().zip(shape).zip(strides) {
            let mut inner = if *size == 1 { 0 } else { *stride };
            for factor in axis.iter().rev() {
                all.push((*factor, inner));
                inner *= factor.size;
            }
        }
        Strides(all)
    }
}

/// The next factors of `left`, whose last is the outermost, that make an axis of `size`: one of them may be split.
fn taken(left: &mut Vec<Factor>, mut size: usize) -> Option<Vec<Factor>> {
    let mut axis = Vec::new();
    while size > 1 {
        let factor = left.pop()?;
        if size.is_multiple_of(factor.size) {
            size /= factor.size;
            axis.push(factor);
        } else if factor.size.is_multiple_of(size) {
            let rest = factor.size / size;
            axis.push(Factor { inner: factor.inner * rest, size, ..factor });
            left.push(Factor { size: rest, ..factor });
            size = 1;
        } else {
            return None;
        }
    }
    Some(axis)
}

impl Strides {
    /// Whether it varies along one of `letters`.
    pub fn varies(&self, letters: &[(char, usize)]) -> bool {
        self.0.iter().any(|(factor, stride)| *stride > 0 && letters.iter().any(|(letter, _)| *letter == factor.letter))
    }

    /// Where the numbers of `letters` begin, the last letter changing fastest.
    pub fn table(&self, letters: &[(char, usize)]) -> Vec<usize> {
        let mut table = vec![0];
        for (letter, size) in letters {
            let offset = |place: usize| -> usize {
                let own = self.0.iter().filter(|(factor, _)| factor.letter == *letter);
                own.map(|(factor, stride)| place / factor.inner % factor.size * stride).sum()
            };
            let offsets: Vec<usize> = (0..*size).map(offset).collect();
            table = table.iter().flat_map(|base| offsets.iter().map(move |offset| base + offset)).collect();
        }
        table
    }
}

/// A letter's numbers as runs: their length, the stride in a run and the one from a run to the next. `None` where that does not
/// tell them.
pub(super) fn runs(strides: &Strides, letter: Option<(char, usize)>) -> Option<(usize, usize, usize)> {
    let Some((letter, size)) = letter else { return Some((1, 0, 0)) };
    let mut own: Vec<(Factor, usize)> =
        strides.0.iter().copied().filter(|(factor, _)| factor.letter == letter).collect();
    own.sort_by_key(|(factor, _)| factor.inner);
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (factor, stride) in own {
        match merged.last_mut() {
            Some((length, inner)) if stride == *inner * *length => *length *= factor.size,
            _ => merged.push((factor.size, stride)),
        }
    }
    match merged[..] {
        [(length, stride)] => (length == size).then_some((length, stride, 0)),
        [(length, stride), (runs, jump)] => (length * runs == size).then_some((length, stride, jump)),
        _ => None,
    }
}

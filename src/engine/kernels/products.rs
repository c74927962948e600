//! Many matrix products of one shape, C = A · B, with every A known beforehand.

use std::fmt;

use tract_linalg::MmmDispatch;
use tract_linalg::mmm::{AsInputValue, FusedSpec, MMMInputValue, MatMatMul, Query};
use tract_linalg::multithread::par_chunks_mut;
use tract_onnx::tract_core::internal::*;

/// `count` products of [m, k] and [k, n] matrices on the kernel that tract prefers for the shape, the left-hand sides
/// packed for it.
pub(in crate::engine) struct Products {
    kernel: Box<dyn MatMatMul>,
    packing: usize,
    left: Vec<Box<dyn MMMInputValue>>,
    shape: [usize; 3],
}

/// The results, [m, n] each, row by row.
pub(in crate::engine) struct Matrices(Vec<Tensor>);

impl Products {
    /// `left` is a tensor [count, m, k] of `f32`. `None` if no kernel suits.
    pub fn new(left: &Tensor, n: usize) -> TractResult<Option<Self>> {
        let &[count, m, k] = left.shape() else { bail!("left-hand sides are {:?}", left.shape()) };
        ensure!(left.datum_type() == DatumType::F32 && m * k * n > 0);
        let query = Query { allow_extractor: false, ..Query::plain(DatumType::F32, Some(m), Some(k), Some(n)) };
        let Some((kernel, packing, None)) = MmmDispatch::native().pick(&query) else { return Ok(None) };
        let packed = |ix: usize| -> TractResult<Box<dyn MMMInputValue>> {
            let one = left.slice(0, ix, ix + 1)?.into_shape(&[m, k])?;
            kernel.packings()[packing].0.prepare_one(&one, 1, 0)
        };
        let left = (0..count).map(packed).collect::<TractResult<_>>()?;
        Ok(Some(Products { kernel, packing, left, shape: [m, k, n] }))
    }

    pub fn kernel(&self) -> &str {
        self.kernel.name()
    }

    /// Every product. `right` is a tensor [k, count, n] of `f32`. Products are shared out between the threads of the
    /// graph.
    pub fn run(&self, right: &Tensor) -> TractResult<Matrices> {
        let ([m, k, n], count) = (self.shape, self.left.len());
        ensure!(right.shape() == [k, count, n] && right.datum_type() == DatumType::F32, "right-hand sides {right:?}");
        let mut results: Vec<Option<Tensor>> = vec![None; count];
        par_chunks_mut(&mut results, 1, count * m * n, |first, results| {
            for (ix, (result, left)) in results.iter_mut().zip(&self.left[first..]).enumerate() {
                *result = Some(self.one(&**left, right, first + ix)?);
            }
            Ok(())
        })?;
        Ok(Matrices(results.into_iter().flatten().collect()))
    }

    fn one(&self, left: &dyn MMMInputValue, right: &Tensor, ix: usize) -> TractResult<Tensor> {
        let ([m, k, n], count) = (self.shape, self.left.len());
        let (shape, strides) = ([k, n], [(count * n) as isize, 1]);
        // SAFETY: `right` is [k, count, n] and contiguous (checked by the caller), so the view of row `ix` of each of its
        // k planes lies inside it: the last element is at (k - 1) * count * n + ix * n + n - 1 < k * count * n.
        let view = unsafe { TensorView::from_bytes(right, (ix * n * size_of::<f32>()) as isize, &shape, &strides) };
        let right = self.kernel.packings()[self.packing].1.prepare_one_view(&view, 0, 1)?;
        // SAFETY: the kernel stores every element of the m x n result before it is read.
        let result = unsafe { Tensor::uninitialized::<f32>(&[m, n])? };
        // SAFETY: both sides are packed in the formats of the kernel's packing `self.packing`, with k in common, and the
        // store's view is of a tensor [m, n] that nothing else refers to. The kernel comes from `MmmDispatch::native`,
        // which has only those that this processor can execute.
        unsafe {
            let store = self.kernel.c_view(Some(0), Some(1)).wrap(&result.view());
            let product = FusedSpec::AddMatMul {
                a: AsInputValue::Borrowed(left),
                b: AsInputValue::Owned(right),
                packing: self.packing,
            };
            self.kernel.run(m, n, &[product, FusedSpec::Store(store)])?;
        }
        Ok(result)
    }
}

impl Matrices {
    /// Row `row` of every result.
    pub fn rows(&self, row: usize, n: usize) -> TractResult<Vec<&[f32]>> {
        self.0
            .iter()
            .map(|t| t.try_as_plain_ram()?.as_slice::<f32>()?.get(row * n..(row + 1) * n).context("no such row"))
            .collect()
    }
}

impl fmt::Debug for Products {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Products({} x {:?} on {})", self.left.len(), self.shape, self.kernel.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn products_are_their_definition(count in 1usize..5, m in 1usize..40, k in 1usize..40, n in 1usize..40) {
            let number = |i: usize| ((i * 37 + 11) % 101) as f32 / 101.0 - 0.5;
            let left: Vec<f32> = (0..count * m * k).map(number).collect();
            let right: Vec<f32> = (0..count * k * n).map(|i| number(i * 3 + 1)).collect();
            let products = Products::new(&Tensor::from_shape(&[count, m, k], &left).unwrap(), n).unwrap();
            let Some(products) = products else { return Ok(()) };
            let results = products.run(&Tensor::from_shape(&[k, count, n], &right).unwrap()).unwrap();
            for row in 0..m {
                for (p, result) in results.rows(row, n).unwrap().iter().enumerate() {
                    for (column, value) in result.iter().enumerate() {
                        let expected: f32 = (0..k)
                            .map(|i| left[(p * m + row) * k + i] * right[(i * count + p) * n + column])
                            .sum();
                        prop_assert!((value - expected).abs() < 1e-4, "{} {}", value, expected);
                    }
                }
            }
        }
    }
}

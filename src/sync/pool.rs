use std::sync::Arc;

/// A fixed number of reusable values, handed out as `Arc`s.
///
/// A slot is free again as soon as every clone that was handed out is dropped; taking and returning a slot neither
/// locks nor allocates. The pool itself belongs to the one thread that fills the values.
#[derive(Debug)]
pub struct Pool<T> {
    slots: Vec<Arc<T>>,
    next: usize,
    exhausted: u64,
}

impl<T> Pool<T> {
    /// A pool of `count` values made by `make`.
    pub fn new(count: usize, mut make: impl FnMut() -> T) -> Self {
        Pool { slots: (0..count).map(|_| Arc::new(make())).collect(), next: 0, exhausted: 0 }
    }

    /// Lets `fill` write a free value and hands it out; `Ok(None)` when every value is still held elsewhere.
    ///
    /// # Errors
    /// What `fill` returns; the slot stays free.
    pub fn fill<E>(&mut self, fill: impl FnOnce(&mut T) -> Result<(), E>) -> Result<Option<Arc<T>>, E> {
        let n = self.slots.len();
        for step in 0..n {
            let at = (self.next + step) % n;
            if let Some(value) = Arc::get_mut(&mut self.slots[at]) {
                fill(value)?;
                self.next = (at + 1) % n;
                return Ok(Some(Arc::clone(&self.slots[at])));
            }
        }
        self.exhausted += 1;
        Ok(None)
    }

    /// Shows every free value to `tidy`, such as to let go of what it need not keep until it is filled again.
    pub fn tidy(&mut self, tidy: impl FnMut(&mut T)) {
        self.slots.iter_mut().filter_map(Arc::get_mut).for_each(tidy);
    }

    /// Number of values.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// How often [`Self::fill`] found no free value.
    pub fn exhausted(&self) -> u64 {
        self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn put(pool: &mut Pool<Vec<u8>>, value: u8) -> Option<Arc<Vec<u8>>> {
        let filled = pool.fill::<Infallible>(|v| {
            v.clear();
            v.push(value);
            Ok(())
        });
        filled.unwrap_or_else(|never| match never {})
    }

    #[test]
    fn held_values_are_never_overwritten() {
        let mut pool = Pool::new(2, Vec::new);
        let (a, b) = (put(&mut pool, 1).unwrap(), put(&mut pool, 2).unwrap());
        assert!(put(&mut pool, 3).is_none());
        assert_eq!(pool.exhausted(), 1);
        drop(a);
        let c = put(&mut pool, 4).unwrap();
        assert_eq!((b[0], c[0]), (2, 4));
    }

    #[test]
    fn free_values_alone_are_tidied() {
        let mut pool = Pool::new(2, Vec::new);
        let held = put(&mut pool, 1).unwrap();
        drop(put(&mut pool, 2));
        let mut seen = Vec::new();
        pool.tidy(|value| seen.push(std::mem::take(value)));
        assert_eq!((seen, &held[..]), (vec![vec![2]], &[1][..]));
    }

    #[test]
    fn a_failed_fill_leaves_the_slot_free() {
        let mut pool = Pool::new(1, || 0u8);
        assert_eq!(pool.fill(|_| Err("no")), Err("no"));
        let filled = pool.fill(|value| {
            *value = 3;
            Ok::<_, &str>(())
        });
        assert_eq!(filled.unwrap().as_deref(), Some(&3));
    }
}

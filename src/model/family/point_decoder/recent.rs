/// The few values that were used last, found by a key: a bound on what differing prompts make a model keep.
#[derive(Debug)]
pub(super) struct Recent<K, T> {
    /// The last used one comes last.
    kept: Vec<(K, T)>,
}

/// Clicks, a box, a box with a click and one more: what one person's prompts use at a time.
const KEPT: usize = 4;

impl<K: PartialEq, T> Recent<K, T> {
    pub fn new() -> Self {
        Recent { kept: Vec::with_capacity(KEPT) }
    }

    /// The value of `key`, made by `make` if it is not kept. The one unused for longest makes room for it.
    pub fn get_or<E>(&mut self, key: K, make: impl FnOnce() -> Result<T, E>) -> Result<&mut T, E> {
        let found = match self.kept.iter().position(|(k, _)| *k == key) {
            Some(at) => self.kept.remove(at),
            None => {
                let made = (key, make()?);
                if self.kept.len() == KEPT {
                    self.kept.remove(0);
                }
                made
            }
        };
        self.kept.push(found);
        let last = self.kept.len() - 1;
        Ok(&mut self.kept[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first() {
        let mut made = Vec::new();
        let mut recent = Recent::new();
        for key in [1, 2, 3, 4, 1, 5, 1, 2] {
            let value = recent.get_or(key, || {
                made.push(key);
                Ok::<_, ()>(key * 10)
            });
            assert_eq!(value, Ok(&mut (key * 10)));
        }
        assert_eq!(made, [1, 2, 3, 4, 5, 2], "2 went when 5 came, 1 was used in between");
        assert_eq!(recent.get_or(9, || Err("no")), Err("no"));
    }
}

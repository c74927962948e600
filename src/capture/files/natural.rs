use std::cmp::Ordering;

/// Compares names as people order them: runs of digits by their value, so that `2` comes before `10`. Names that differ
/// only in leading zeros fall back to plain order, so that the order is total.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    loop {
        let (Some(x), Some(y)) = (rest_a.chars().next(), rest_b.chars().next()) else {
            return rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b));
        };
        if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number_a, after_a) = leading_digits(rest_a);
            let (number_b, after_b) = leading_digits(rest_b);
            let (number_a, number_b) = (number_a.trim_start_matches('0'), number_b.trim_start_matches('0'));
            match number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b)) {
                Ordering::Equal => (rest_a, rest_b) = (after_a, after_b),
                unequal => return unequal,
            }
        } else if x == y {
            (rest_a, rest_b) = (&rest_a[x.len_utf8()..], &rest_b[y.len_utf8()..]);
        } else {
            return x.cmp(&y);
        }
    }
}

fn leading_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_by_value() {
        let mut names = ["f10.png", "f2.png", "f1.png", "f02.png", "g1.png", "f1b2.png", "f1b10.png", "é3", "é20", ""];
        names.sort_by(|a, b| compare(a, b));
        let expected = ["", "f1.png", "f1b2.png", "f1b10.png", "f02.png", "f2.png", "f10.png", "g1.png", "é3", "é20"];
        assert_eq!(names, expected);
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[a0-2é]{0,6}", b in "[a0-2é]{0,6}", c in "[a0-2é]{0,6}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &b) == Ordering::Equal, a == b);
            if compare(&a, &b).is_le() && compare(&b, &c).is_le() {
                prop_assert!(compare(&a, &c).is_le());
            }
        }
    }
}

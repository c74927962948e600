use crate::capture::Rates;

/// The rates between the lowest and the highest of each entry that the driver has. A range, stepwise or continuous, is the
/// only entry of its format; its steps are left to the driver, which answers with the nearest.
pub(super) fn rates(ranges: &[(f64, f64)]) -> Rates {
    match *ranges {
        [(lowest, highest)] if lowest != highest => Rates::Range { lowest, highest },
        _ => Rates::List(ranges.iter().map(|(_, highest)| *highest).filter(|rate| rate.is_finite()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_a_list_or_a_range() {
        assert_eq!(rates(&[]), Rates::List(vec![]));
        assert_eq!(rates(&[(30.0, 30.0)]), Rates::List(vec![30.0]));
        assert_eq!(rates(&[(30.0, 30.0), (15.0, 15.0)]), Rates::List(vec![30.0, 15.0]));
        assert_eq!(rates(&[(1.0, 120.0)]), Rates::Range { lowest: 1.0, highest: 120.0 });
        assert_eq!(
            rates(&[(f64::NAN, f64::INFINITY), (5.0, 5.0)]),
            Rates::List(vec![5.0]),
            "intervals of 0/0 and 0/1 s"
        );
    }
}

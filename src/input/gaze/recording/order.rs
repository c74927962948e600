use super::MAX_LENGTH;

/// Samples of two cameras may come in each other's place by less than this. A larger step back is another clock, or a wrong time.
const DISORDER_NS: i64 = 1_000_000_000;
/// A step ahead by more than this is told: a pause, or a clock that was set.
const PAUSE_NS: i64 = 60_000_000_000;
/// A time is a wrong one if one of so many behind it goes on as before, and a clock was set if none does.
const LOOK_AHEAD: usize = 3;

/// Something measured, with its time by the recording's clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timed<T> {
    /// The line, or the number of the sample, that it stands in.
    pub place: u64,
    /// Nanoseconds.
    pub at: i64,
    /// What was measured.
    pub what: T,
}

/// What is left of `rows` without those whose time is a wrong one, in the order of time, and what a user is to know of that. `unit`
/// says what places count: lines or samples.
///
/// # Errors
/// If the clock was set back within them: then nothing says which time is which.
pub fn in_order<T: Copy>(rows: &[Timed<T>], unit: &str) -> Result<(Vec<Timed<T>>, Vec<String>), String> {
    let longest = i64::try_from(MAX_LENGTH.as_nanos()).unwrap_or(i64::MAX);
    let mut kept: Vec<Timed<T>> = Vec::with_capacity(rows.len());
    let (mut notes, mut wrong, mut latest) = (Vec::new(), Vec::new(), None);
    for (i, row) in rows.iter().enumerate() {
        let Some(last) = latest else {
            latest = Some(row.at);
            kept.push(*row);
            continue;
        };
        let goes_on = |at: i64| (-DISORDER_NS..=PAUSE_NS).contains(&at.saturating_sub(last));
        let next = rows.get(i + 1..).unwrap_or_default();
        let next = next.get(..LOOK_AHEAD.min(next.len())).unwrap_or_default();
        let step = row.at.saturating_sub(last);
        if !goes_on(row.at) && (next.iter().any(|row| goes_on(row.at)) || step < 0 && next.len() < LOOK_AHEAD) {
            wrong.push(row.place);
            continue;
        }
        if step < -DISORDER_NS {
            let seconds = step.unsigned_abs() as f64 / 1e9;
            return Err(format!(
                "the clock was set back by {seconds:.1} s at {unit} {}, so that times mean two moments each: cut the recording \
                 there",
                row.place
            ));
        }
        if step > longest {
            let follows = |later: &Timed<T>| later.at.abs_diff(row.at) <= DISORDER_NS.unsigned_abs();
            if kept.len() > LOOK_AHEAD || next.len() < LOOK_AHEAD || !next.iter().all(follows) {
                return Err(format!(
                    "the times up to {unit} {} lie more than a week apart: the file is damaged",
                    row.place
                ));
            }
            // The recording begins here, behind some wrong times.
            wrong.extend(kept.drain(..).map(|row| row.place));
        } else if step > PAUSE_NS {
            let seconds = step as f64 / 1e9;
            notes.push(format!(
                "nothing for {seconds:.0} s before {unit} {}: a pause, or a clock that was set",
                row.place
            ));
        }
        latest = Some(last.max(row.at));
        kept.push(*row);
    }
    wrong.sort_unstable();
    if let Some(first) = wrong.first() {
        notes.push(format!("{} time(s) that do not fit the others left out, the first at {unit} {first}", wrong.len()));
    }
    kept.sort_by_key(|row| row.at);
    Ok((kept, notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const EPOCH: i64 = 1_700_000_000_000_000_000;

    /// Samples every 10 ms from `from_ms` on.
    fn samples(from_ms: i64, count: i64) -> Vec<i64> {
        (0..count).map(|i| EPOCH + (from_ms + 10 * i) * MS).collect()
    }

    fn order(times: &[i64]) -> Result<(Vec<i64>, Vec<String>), String> {
        let rows: Vec<Timed<()>> =
            times.iter().enumerate().map(|(i, at)| Timed { place: i as u64 + 2, at: *at, what: () }).collect();
        in_order(&rows, "line").map(|(kept, notes)| (kept.iter().map(|row| row.at).collect(), notes))
    }

    #[test]
    fn a_little_disorder_is_none() {
        let mut times = samples(0, 50);
        times.swap(3, 5);
        assert_eq!(order(&times), Ok((samples(0, 50), vec![])));
        assert_eq!(order(&[]), Ok((vec![], vec![])));
    }

    #[test]
    fn a_wrong_time_is_left_out_wherever_it_stands() {
        for wrong in
            [0, i64::MIN, i64::MAX, EPOCH + 3_600_000 * MS, EPOCH - 3_600_000 * MS, EPOCH + 30 * 86_400_000 * MS]
        {
            for at in [0, 1, 20, 48, 50] {
                let mut times = samples(0, 50);
                times.insert(at, wrong);
                let found = order(&times);
                let ahead = wrong > EPOCH;
                if at == 50 && ahead || at == 0 && (wrong.abs_diff(EPOCH) < 7 * 86_400_000_000_000 || ahead) {
                    // A pause, a week or a clock set back as much: nothing tells them apart.
                    continue;
                }
                let (kept, notes) = found.unwrap_or_else(|e| panic!("{wrong} at {at}: {e}"));
                assert_eq!(kept, samples(0, 50), "{wrong} at {at}");
                assert!(notes.len() == 1 && notes[0].contains(&format!("line {}", at + 2)), "{notes:?}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_refused_by_its_place_and_one_set_ahead_is_told() {
        let back = [samples(0, 50), samples(-5_000, 50)].concat();
        let reason = order(&back).unwrap_err();
        assert!(reason.contains("set back by 5.5 s at line 52"), "{reason}");
        let ahead = [samples(0, 50), samples(3_600_500, 50)].concat();
        let (kept, notes) = order(&ahead).unwrap();
        assert_eq!(kept.len(), 100);
        assert!(notes.len() == 1 && notes[0].contains("3600 s before line 52"), "{notes:?}");
        let weeks = [samples(0, 50), samples(8 * 86_400_000, 50)].concat();
        assert!(order(&weeks).unwrap_err().contains("a week apart"));
        assert!(order(&[i64::MIN, i64::MAX]).unwrap_err().contains("damaged"));
    }

    proptest::proptest! {
        #[test]
        fn any_times_are_ordered_or_refused(times in proptest::collection::vec(proptest::num::i64::ANY, 0..12)) {
            if let Ok((kept, _)) = order(&times) {
                proptest::prop_assert!(kept.is_sorted() && kept.len() <= times.len());
            }
        }
    }
}

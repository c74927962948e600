use std::time::Duration;

use super::FixationSpan;
use crate::time::Timestamp;

/// Where gaze was at one sample: on which of the objects of the frame that was shown then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// The object's number; `None` beside all of them.
    pub object: Option<u32>,
}

/// How an object was looked at over a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interest {
    /// The object's number.
    pub object: u32,
    /// When gaze fell on it first.
    pub first_at: Option<Timestamp>,
    /// For how long gaze lay on it, in all.
    pub dwell: Duration,
    /// How often gaze came to it.
    pub visits: u32,
    /// Fixations that were on it.
    pub fixations: u32,
    /// Their time, in all.
    pub fixated: Duration,
}

/// How each of `objects` was looked at. `looks` are in the order of time, and each lasts until the next, but no longer than `max_gap`: an
/// eye that is not seen looks at nothing. A visit goes on over looks beside the object, or none, that take less than `max_gap`.
pub fn interests(
    objects: &[u32],
    looks: &[Look],
    fixations: &[(FixationSpan, Option<u32>)],
    max_gap: Duration,
) -> Vec<Interest> {
    let of = |object: u32| {
        let mut interest = Interest { object, ..Interest::default() };
        let mut left_at: Option<Timestamp> = None;
        for (n, look) in looks.iter().enumerate().filter(|(_, look)| look.object == Some(object)) {
            let until = looks.get(n + 1).map_or(look.at, |next| next.at.min(look.at + max_gap));
            interest.dwell += until.since(look.at);
            interest.first_at.get_or_insert(look.at);
            interest.visits += u32::from(left_at.is_none_or(|left| look.at.since(left) >= max_gap));
            left_at = Some(until);
        }
        for (span, _) in fixations.iter().filter(|(_, on)| *on == Some(object)) {
            interest.fixations += 1;
            interest.fixated += span.ended_at.since(span.started_at);
        }
        interest
    };
    objects.iter().copied().map(of).collect()
}

/// The object on which most of a fixation's looks fell, and their share; `None` where most fell on none of them.
pub fn fixated_object(fixation: &FixationSpan, looks: &[Look]) -> Option<(u32, f32)> {
    let from = looks.partition_point(|look| look.at < fixation.started_at);
    let until = looks.partition_point(|look| look.at <= fixation.ended_at);
    let during = looks.get(from..until).unwrap_or_default();
    let count = |object: u32| during.iter().filter(|look| look.object == Some(object)).count();
    let (most, object) = during.iter().filter_map(|look| look.object).map(|object| (count(object), object)).max()?;
    (most * 2 > during.len()).then(|| (object, most as f32 / during.len() as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Point;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    /// A look every 10 ms; `.` is beside the objects.
    fn looks(text: &str) -> Vec<Look> {
        let look = |(n, c): (usize, char)| (c != ' ').then(|| Look { at: at(n as u64 * 10), object: c.to_digit(10) });
        text.chars().enumerate().filter_map(look).collect()
    }

    const GAP: Duration = Duration::from_millis(50);

    #[test]
    fn dwell_is_the_time_until_the_next_look_and_no_blink() {
        // The last look is of no length, and that before the blink of 50 ms.
        let looks = looks("11.22111..........1         22");
        let [one, two] = interests(&[1, 2], &looks, &[], GAP)[..] else { panic!("two objects") };
        assert_eq!((one.dwell, one.first_at), (Duration::from_millis(20 + 30 + 50), Some(at(0))));
        assert_eq!(one.visits, 2, "three looks elsewhere are no departure, ten are");
        assert_eq!((two.dwell, two.visits, two.first_at), (Duration::from_millis(20 + 10), 2, Some(at(30))));
        let never = interests(&[3], &looks, &[], GAP)[0];
        assert_eq!(never, Interest { object: 3, ..Interest::default() });
    }

    #[test]
    fn a_fixation_is_on_what_most_of_its_looks_are_on() {
        let looks = looks("1112.2222.1212....");
        let span =
            |from: u64, to: u64| FixationSpan { started_at: at(from), ended_at: at(to), point: Point::new(0.0, 0.0) };
        assert_eq!(fixated_object(&span(0, 30), &looks), Some((1, 0.75)));
        assert_eq!(fixated_object(&span(40, 90), &looks), Some((2, 4.0 / 6.0)));
        assert_eq!(fixated_object(&span(100, 130), &looks), None, "half is not most");
        assert_eq!(fixated_object(&span(140, 170), &looks), None);
        assert_eq!(fixated_object(&span(900, 990), &looks), None);
        let fixations = [(span(0, 30), Some(1)), (span(40, 90), Some(2)), (span(100, 130), None)];
        let [one, two] = interests(&[1, 2], &looks, &fixations, GAP)[..] else { panic!("two objects") };
        assert_eq!((one.fixations, one.fixated), (1, Duration::from_millis(30)));
        assert_eq!((two.fixations, two.fixated), (1, Duration::from_millis(50)));
    }
}

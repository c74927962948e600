//! A mask of 640x480 for the newest pose of the head: `cargo bench --bench late`. Prints the fastest and the median time on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};

use foveate::geometry::{Intrinsics, Size};
use foveate::lift::{LateWarp, Pose};
use foveate::mask::Mask;
use foveate::statistics::median;
use glam::Quat;

const SIZE: Size = Size::new(640, 480);
const BUDGET: Duration = Duration::from_millis(700);

fn main() {
    let lens = Intrinsics::assumed(SIZE);
    // 120 degrees a second for 60 ms.
    let now = Pose { rotation: Quat::from_rotation_y(7.2f32.to_radians()), ..Pose::default() };
    println!("{:<28} {:>9} {:>9}", "case", "least ms", "median ms");
    for (what, radius) in [("object", 80.0), ("large object", 200.0), ("whole frame", 1000.0)] {
        let mask = Mask::from_fn(SIZE, |x, y| (x as f32 - 320.0).hypot(y as f32 - 240.0) < radius);
        let (mut out, mut times) = (Mask::new(SIZE), Vec::new());
        let start = Instant::now();
        while start.elapsed() < BUDGET {
            let begin = Instant::now();
            let warp = LateWarp::new(&lens, &Pose::default(), black_box(&now), Some(1.0)).expect("the camera is one");
            warp.mask(black_box(&mask), &mut out);
            times.push(begin.elapsed());
        }
        let least = times.iter().min().copied().unwrap_or_default();
        let middle = median(&mut times, Duration::cmp).unwrap_or_default();
        println!("{what:<28} {:>9.3} {:>9.3}", least.as_secs_f64() * 1e3, middle.as_secs_f64() * 1e3);
    }
}

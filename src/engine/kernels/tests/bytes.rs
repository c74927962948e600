//! Pictures of bytes, against the same steps on floats that are rounded to the same grids.

use super::*;
use crate::engine::kernels::quantized::QuantizedConvolution;

/// Lays pictures out one after the other.
#[derive(Default)]
struct Shelf(usize);

impl Shelf {
    fn place(&mut self, picture: Blocked) -> Place {
        let offset = self.0;
        self.0 += whole_lines(picture.floats());
        Place { offset, picture }
    }
}

fn grid(scale: f32, zero: i32) -> Grid {
    Grid::new(scale, zero).unwrap()
}

fn rounded(value: f32, grid: Grid) -> f32 {
    let steps = (value as f64 / grid.scale() as f64).round_ties_even() + grid.zero() as f64;
    (steps.clamp(0.0, 255.0) - grid.zero() as f64) as f32 * grid.scale()
}

fn byte(picture: Blocked, grid: Grid) -> Blocked {
    Blocked { element: Element::Byte(grid), ..picture }
}

/// A convolution of integers and what surrounds it.
#[derive(Clone, Copy, Debug)]
struct Quantized {
    case: Case,
    /// Zeros of the grids of input and output.
    zeros: [i32; 2],
    output_bytes: bool,
    residual_bytes: bool,
    /// From a planar input of few channels.
    packed: bool,
}

const INPUT: f32 = 0.005;
const OUTPUT: f32 = 0.11;
const RESIDUAL: f32 = 0.02;

impl Quantized {
    fn weights(&self) -> Vec<i8> {
        let count = self.case.outputs * self.case.inputs * self.case.window.kernel.iter().product::<usize>();
        (0..count).map(|i| ((i.wrapping_mul(2654435761) >> 9) % 256) as u8 as i8).collect()
    }

    fn scales(&self) -> Vec<f32> {
        (0..self.case.outputs).map(|out| 0.002 + 0.0001 * (out % 7) as f32).collect()
    }

    /// The definition on the rounded input.
    fn naive(&self, [input, residual, shift]: [&[f32]; 3]) -> Vec<f32> {
        let on_grid: Vec<f32> = input.iter().map(|v| rounded(*v, grid(INPUT, self.zeros[0]))).collect();
        let added: Vec<f32> = match self.residual_bytes {
            true => residual.iter().map(|v| rounded(*v, grid(RESIDUAL, 77))).collect(),
            false => residual.to_vec(),
        };
        let terms = self.case.inputs * self.case.window.kernel.iter().product::<usize>();
        let scales = self.scales();
        let real: Vec<f32> = self.weights().iter().enumerate().map(|(at, w)| *w as f32 * scales[at / terms]).collect();
        self.case.naive_with(&real, &on_grid, &added, shift)
    }

    fn run(&self, variant: Variant, dots: Dots, threads: usize, [input, residual, shift]: [&[f32]; 3]) -> Vec<f32> {
        let Quantized { case, zeros, .. } = *self;
        let lanes = variant.lanes();
        let [oh, ow] = case.output();
        let mut shelf = Shelf::default();
        let plain = |channels, height, width| Blocked::new(channels, height, width, lanes);
        let result = Blocked { before: 1, ..plain(case.outputs, oh, ow) };
        let result = if self.output_bytes { byte(result, grid(OUTPUT, zeros[1])) } else { result };
        let pixels = byte(plain(case.inputs, case.height, case.width), grid(INPUT, zeros[0]));
        let pixels = if self.packed { Blocked { lanes: PACKED, ..pixels } } else { pixels };
        let (before, after) = case.window.borders(&pixels, &result);
        let source = if self.packed { 1 } else { lanes };
        let source = shelf.place(Blocked::new(case.inputs, case.height, case.width, source));
        let [given, moved] = [plain(case.outputs, oh, ow), plain(case.outputs, 1, 1)].map(|p| shelf.place(p));
        let added = if self.residual_bytes { byte(given.picture, grid(RESIDUAL, 77)) } else { given.picture };
        let [pixels, result, added] =
            [Blocked { before, after, ..pixels }, result, added].map(|picture| shelf.place(picture));
        let copy = |action, input, output| Step { action, input, output, ending: Ending::default() };
        let pictures = [pixels.picture, result.picture];
        let (weights, bias) = (self.weights(), numbers(case.outputs, 2));
        let plan =
            QuantizedConvolution::new(dots, pictures, case.window, &weights, [&self.scales(), &bias]).expect("fits");
        let ending = Ending {
            residual: case.residual.then_some(added),
            shift: case.shift.then_some(moved),
            activation: case.activation,
            rounding: None,
        };
        let steps = vec![
            copy(if self.packed { Action::Pack } else { Action::Copy }, source, pixels),
            copy(Action::Copy, given, added),
            Step { action: Action::Quantized(plan), input: pixels, output: result, ending },
        ];
        let program = Program::new(variant, vec![source, given, moved], steps, vec![result]).unwrap();
        let mut made = vec![f32::NAN; case.outputs * oh * ow];
        let mut workspace = program.workspace(threads);
        for _ in 0..2 {
            made.fill(f32::NAN);
            program.run(&mut workspace, &[input, residual, shift], &mut [&mut made], &Team::new(threads));
        }
        made
    }

    fn check(&self, threads: usize) -> Result<(), TestCaseError> {
        let case = self.case;
        let [oh, ow] = case.output();
        let input = numbers(case.inputs * case.height * case.width, 3);
        let (residual, shift) = (numbers(case.outputs * oh * ow, 4), numbers(case.outputs, 5));
        let all = [input.as_slice(), &residual, &shift];
        let expected = self.naive(all);
        for (variant, dots) in ways() {
            let made = self.run(variant, dots, threads, all);
            for (at, (a, b)) in made.iter().zip(&expected).enumerate() {
                // Sums of integers are exact; floats round a few times after them, and may do so across a step.
                let slack = 1e-5 * (1.0 + b.abs());
                let right = if self.output_bytes {
                    let step = OUTPUT * 1.001;
                    let nearest = rounded(*b, grid(OUTPUT, self.zeros[1]));
                    (a - nearest).abs() < 1e-4 || (a - nearest).abs() < step && (a - b).abs() < step / 2.0 + slack
                } else {
                    (a - b).abs() < slack
                };
                prop_assert!(right, "{variant} {dots}: {a} for {b} at {at} of {self:?}");
            }
        }
        Ok(())
    }
}

fn ways() -> impl Iterator<Item = (Variant, Dots)> {
    Variant::available().flat_map(|variant| Dots::available(variant).map(move |dots| (variant, dots)))
}

/// `Gelu` and its like are right to 4e-6 on their own, not on what differs before them.
fn smooth(activation: Activation) -> Activation {
    if activation.is_long() { Activation::Relu } else { activation }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn quantized_convolutions_are_their_definition(
        case in case(), zeros in [0i32..256, 0i32..256], output_bytes: bool, residual_bytes: bool, packed: bool,
        threads in 1usize..4,
    ) {
        let inputs = if packed { case.inputs % 3 + 1 } else { case.inputs };
        let case = Case { inputs, activation: smooth(case.activation), ..case };
        Quantized { case, zeros, output_bytes, residual_bytes, packed }.check(threads)?;
    }

    #[test]
    fn depthwise_convolutions_read_bytes(case in case(), zero in 0i32..256) {
        let case = Case { outputs: case.inputs, depthwise: true, activation: smooth(case.activation), ..case };
        let size = [case.inputs, case.height, case.width];
        let pixels = numbers(size.iter().product(), 1);
        let [oh, ow] = case.output();
        for variant in Variant::available() {
            let action = |input: Blocked, output: Blocked| {
                Action::Depthwise(Depthwise::new(input, output, case.window, &case.weights(), &numbers(case.outputs, 2)).unwrap())
            };
            same_on_bytes(variant, [size, [case.outputs, oh, ow]], &pixels, grid(INPUT, zero), Some(case.window), action)?;
        }
    }

    #[test]
    fn steps_between_read_bytes(channels in 1usize..40, height in 1usize..6, width in 1usize..40, zero in 0i32..256) {
        let size = [channels, height, width];
        let pixels = numbers(size.iter().product(), 1);
        let half = |len: usize| (0..2 * len).map(|ix| Blend {
            first: (ix / 2) as u32, second: (ix / 2 + 1).min(len - 1) as u32, near: 0.75, far: 0.25,
        }).collect::<Vec<_>>();
        let double = [channels, 2 * height, 2 * width];
        let window = Window { kernel: [2, 2], stride: 1, padding: [1, 1] };
        let wider = [channels, height + 1, width + 1];
        for variant in Variant::available() {
            let check = |to, action: &dyn Fn(Blocked, Blocked) -> Action| {
                same_on_bytes(variant, [size, to], &pixels, grid(INPUT, zero), None, action)
            };
            check(size, &|_, _| Action::Copy)?;
            check([channels, 1, 1], &|_, _| Action::Mean)?;
            check(double, &|input, output| Action::Resize(Resize::new(input, output, half(height), half(width)).unwrap()))?;
            check(wider, &|input, output| Action::MaxPool(MaxPool::new(input, output, window).unwrap()))?;
        }
    }
}

/// Runs a step on a picture of bytes to a picture of bytes, and on floats that are rounded to the same grids.
fn same_on_bytes(
    variant: Variant,
    [size, to]: [[usize; 3]; 2],
    pixels: &[f32],
    of_input: Grid,
    window: Option<Window>,
    action: impl Fn(Blocked, Blocked) -> Action,
) -> Result<(), TestCaseError> {
    let of_output = grid(0.0437, 100);
    let run = |bytes: bool| {
        let mut shelf = Shelf::default();
        let plain = |[c, h, w]: [usize; 3]| Blocked::new(c, h, w, variant.lanes());
        let (before, after) = window.map_or((0, 1), |window| window.borders(&plain(size), &plain(to)));
        let input = Blocked { before, after, ..plain(size) };
        let (input, output) =
            if bytes { (byte(input, of_input), byte(plain(to), of_output)) } else { (input, plain(to)) };
        let [source, input, output] = [plain(size), input, output].map(|picture| shelf.place(picture));
        let ending = |grid: Grid| Ending { rounding: (!bytes).then_some(grid), ..Ending::default() };
        let steps = vec![
            Step { action: Action::Copy, input: source, output: input, ending: ending(of_input) },
            Step { action: action(input.picture, output.picture), input, output, ending: ending(of_output) },
        ];
        let program = Program::new(variant, vec![source], steps, vec![output]).unwrap();
        let mut made = vec![f32::NAN; to.iter().product()];
        program.run(&mut program.workspace(1), &[pixels], &mut [&mut made], &Team::new(1));
        made
    };
    let (on_bytes, on_floats) = (run(true), run(false));
    let differ = on_bytes.iter().zip(&on_floats).filter(|(a, b)| (**a - **b).abs() > 1e-4);
    let (mut count, mut worst) = (0, 0.0f32);
    for (a, b) in differ {
        (count, worst) = (count + 1, worst.max((a - b).abs()));
    }
    // A number that lies between two steps may go to either.
    prop_assert!(worst < 0.0438 && count <= 1 + on_bytes.len() / 50, "{variant}: {count} differ, by {worst}");
    Ok(())
}

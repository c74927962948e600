//! Every variant that this machine runs, against the definitions.

mod bytes;

use proptest::prelude::*;

use super::*;

/// A number below 1/2 in size that depends on its place.
fn number(i: usize) -> f32 {
    ((i.wrapping_mul(2654435761) >> 7) % 1009) as f32 / 1009.0 - 0.5
}

fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| number(i + seed * 7919)).collect()
}

/// How a convolution is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Direct,
    /// From a planar input.
    Planar,
    Winograd,
}

/// What a convolution is made of, apart from its weights.
#[derive(Clone, Copy, Debug)]
struct Case {
    inputs: usize,
    outputs: usize,
    height: usize,
    width: usize,
    window: Window,
    depthwise: bool,
    residual: bool,
    shift: bool,
    activation: Activation,
}

impl Case {
    fn output(&self) -> [usize; 2] {
        let out = |axis: usize, len: usize| {
            (len + 2 * self.window.padding[axis] - self.window.kernel[axis]) / self.window.stride + 1
        };
        [out(0, self.height), out(1, self.width)]
    }

    fn weights(&self) -> Vec<f32> {
        let pairs = if self.depthwise { self.outputs } else { self.outputs * self.inputs };
        numbers(pairs * self.window.kernel[0] * self.window.kernel[1], 1)
    }

    /// The definition, in double precision.
    fn naive(&self, input: &[f32], residual: &[f32], shift: &[f32]) -> Vec<f32> {
        self.naive_with(&self.weights(), input, residual, shift)
    }

    fn naive_with(&self, weights: &[f32], input: &[f32], residual: &[f32], shift: &[f32]) -> Vec<f32> {
        let (Window { kernel: [kh, kw], stride, padding }, [oh, ow]) = (self.window, self.output());
        let bias = numbers(self.outputs, 2);
        let mut all = Vec::new();
        for o in 0..self.outputs {
            for (y, x) in (0..oh * ow).map(|i| (i / ow, i % ow)) {
                let mut sum = bias[o] as f64;
                let own = o * self.inputs / self.outputs;
                let channels = if self.depthwise { own..own + 1 } else { 0..self.inputs };
                for (n, c) in channels.enumerate() {
                    let row = if self.depthwise { o } else { o * self.inputs + n };
                    for (ky, kx) in (0..kh * kw).map(|k| (k / kw, k % kw)) {
                        let (sy, sx) = (y * stride + ky, x * stride + kx);
                        let inside = |s: usize, axis: usize, len: usize| s >= padding[axis] && s - padding[axis] < len;
                        if inside(sy, 0, self.height) && inside(sx, 1, self.width) {
                            let at = (c * self.height + sy - padding[0]) * self.width + sx - padding[1];
                            sum += input[at] as f64 * weights[(row * kh + ky) * kw + kx] as f64;
                        }
                    }
                }
                let at = (o * oh + y) * ow + x;
                let added = if self.residual { residual[at] } else { 0.0 } + if self.shift { shift[o] } else { 0.0 };
                all.push(self.activation.of((sum + added as f64) as f32));
            }
        }
        all
    }

    /// The same through a program of one convolution.
    fn run(&self, variant: Variant, kind: Kind, threads: usize, [input, residual, shift]: [&[f32]; 3]) -> Vec<f32> {
        let lanes = variant.lanes();
        let [oh, ow] = self.output();
        let mut offset = 0;
        let mut place = |picture: Blocked| {
            let place = Place { offset, picture };
            offset += whole_lines(picture.len());
            place
        };
        let input_lanes = if kind == Kind::Planar { 1 } else { lanes };
        let plain = Blocked::new(self.inputs, self.height, self.width, input_lanes);
        let output = place(Blocked { before: 1, after: 2, ..Blocked::new(self.outputs, oh, ow, lanes) });
        let (before, after) = if kind == Kind::Winograd {
            Winograd::border(&plain, &output.picture, self.window.padding)
        } else {
            self.window.borders(&plain, &output.picture)
        };
        let source = place(Blocked { before, after, ..plain });
        let added = place(Blocked { after: 1, ..Blocked::new(self.outputs, oh, ow, lanes) });
        let moved = place(Blocked::new(self.outputs, 1, 1, lanes));
        let (weights, bias) = (self.weights(), numbers(self.outputs, 2));
        let action = if kind == Kind::Winograd {
            let plan =
                Winograd::new(source.picture, output.picture, self.window.padding, &weights, &bias).expect("fits");
            let room = offset..offset + plan.transformed_len();
            Action::Winograd(plan, room)
        } else if self.depthwise {
            Action::Depthwise(
                Depthwise::new(source.picture, output.picture, self.window, &weights, &bias).expect("fits"),
            )
        } else {
            Action::Convolve(
                Convolution::new(source.picture, output.picture, self.window, &weights, &bias).expect("fits"),
            )
        };
        let ending = Ending {
            residual: self.residual.then_some(added),
            shift: self.shift.then_some(moved),
            activation: self.activation,
            rounding: None,
        };
        let step = Step { action, input: source, output, ending };
        let program = Program::new(variant, vec![source, added, moved], vec![step], vec![output]).unwrap();
        let team = Team::new(threads);
        let mut workspace = program.workspace(threads);
        let mut made = vec![f32::NAN; self.outputs * oh * ow];
        // Twice, because the second run finds what the first has left behind.
        for _ in 0..2 {
            made.fill(f32::NAN);
            program.run(&mut workspace, &[input, residual, shift], &mut [&mut made], &team);
        }
        made
    }

    fn check(&self, kind: Kind, threads: usize) -> Result<(), TestCaseError> {
        let [oh, ow] = self.output();
        let input = numbers(self.inputs * self.height * self.width, 3);
        let (residual, shift) = (numbers(self.outputs * oh * ow, 4), numbers(self.outputs, 5));
        let expected = self.naive(&input, &residual, &shift);
        for variant in Variant::available() {
            let made = self.run(variant, kind, threads, [&input, &residual, &shift]);
            let terms = self.inputs * self.window.kernel[0] * self.window.kernel[1];
            let tolerance = 1e-5 * (1.0 + terms as f32).sqrt() * if kind == Kind::Winograd { 4.0 } else { 1.0 };
            for (at, (a, b)) in made.iter().zip(&expected).enumerate() {
                prop_assert!((a - b).abs() < tolerance, "{variant}: {a} for {b} at {at} of {self:?}");
            }
        }
        Ok(())
    }
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::Relu),
        Just(Activation::Clamp(-0.25, 0.5)),
        Just(Activation::HardSwish),
        Just(Activation::Gelu),
        Just(Activation::Sigmoid),
        Just(Activation::Silu),
        Just(Activation::GeluTanh),
    ]
}

prop_compose! {
    fn case()(
        inputs in 1usize..40, outputs in 1usize..70, height in 1usize..14, width in 1usize..24,
        kernel in prop_oneof![Just([1, 1]), Just([3, 3]), Just([5, 5]), Just([7, 7]), Just([1, 3]), Just([2, 4])],
        stride in 1usize..5, padding in [0usize..4, 0usize..4],
        residual: bool, shift: bool, activation in activation(),
    ) -> Case {
        let window = Window { kernel, stride, padding };
        let height = height.max(kernel[0].saturating_sub(2 * padding[0]));
        let width = width.max(kernel[1].saturating_sub(2 * padding[1]));
        Case { inputs, outputs, height, width, window, depthwise: false, residual, shift, activation }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn convolutions_are_their_definition(case in case(), planar: bool, threads in 1usize..4) {
        case.check(if planar { Kind::Planar } else { Kind::Direct }, threads)?;
    }

    #[test]
    fn depthwise_convolutions_are_their_definition(case in case(), threads in 1usize..4, each in 1usize..3) {
        Case { outputs: each * case.inputs, depthwise: true, ..case }.check(Kind::Direct, threads)?;
    }

    #[test]
    fn winograd_convolutions_are_their_definition(case in case(), padding in [0usize..2, 0usize..2], threads in 1usize..4) {
        let window = Window { kernel: [3, 3], stride: 1, padding };
        let (height, width) = (case.height.max(3), case.width.max(3));
        Case { height, width, window, ..case }.check(Kind::Winograd, threads)?;
    }

    #[test]
    fn pictures_survive_the_layout(channels in 1usize..40, height in 1usize..5, width in 1usize..40, before in 0usize..3) {
        for variant in Variant::available() {
            let picture = Blocked { before, ..Blocked::new(channels, height, width, variant.lanes()) };
            let place = Place { offset: 0, picture };
            let program = Program::new(variant, vec![place], vec![], vec![place]).unwrap();
            let pixels = numbers(channels * height * width, 1);
            let mut made = vec![0.0; pixels.len()];
            program.run(&mut program.workspace(1), &[&pixels], &mut [&mut made], &Team::new(1));
            prop_assert_eq!(&made, &pixels);
        }
    }
}

/// What a step from a picture of `size` to one of `to` makes of `pixels`: with a residual and a shift added, then ReLU.
fn one_step(
    variant: Variant,
    [size, to]: [[usize; 3]; 2],
    [pixels, residual, shift]: [&[f32]; 3],
    action: impl Fn(Blocked, Blocked) -> Action,
) -> Vec<f32> {
    let mut offset = 0;
    let mut place = |[c, h, w]: [usize; 3]| {
        let picture = Blocked::new(c, h, w, variant.lanes());
        offset += whole_lines(picture.len());
        Place { offset: offset - whole_lines(picture.len()), picture }
    };
    let (input, output, added, moved) = (place(size), place(to), place(to), place([to[0], 1, 1]));
    let ending = Ending { residual: Some(added), shift: Some(moved), activation: Activation::Relu, rounding: None };
    let step = Step { action: action(input.picture, output.picture), input, output, ending };
    let program = Program::new(variant, vec![input, added, moved], vec![step], vec![output]).unwrap();
    let mut made = vec![f32::NAN; to.iter().product()];
    program.run(&mut program.workspace(1), &[pixels, residual, shift], &mut [&mut made], &Team::new(1));
    made
}

#[test]
fn what_lies_between_convolutions_is_its_definition() {
    let (channels, height, width) = (21, 3, 5);
    let size = [channels, height, width];
    let pixels = numbers(size.iter().product(), 1);
    let shift = numbers(channels, 2);
    let rows = [(0, 0, 1.0), (0, 1, 0.75), (1, 2, 0.5), (2, 2, 1.0)];
    let columns = [(0, 1, 0.25), (4, 4, 1.0), (3, 4, 0.5)];
    let blend = |&(first, second, near): &(u32, u32, f32)| Blend { first, second, near, far: 1.0 - near };
    let pixel = |c: usize, y: u32, x: u32| pixels[(c * height + y as usize) * width + x as usize];
    let resized = |[c, y, x]: [usize; 3]| {
        let ((r0, r1, ry), (c0, c1, cx)) = (rows[y], columns[x]);
        let row = |r: u32| pixel(c, r, c0) * cx + pixel(c, r, c1) * (1.0 - cx);
        row(r0) * ry + row(r1) * (1.0 - ry)
    };
    let mean = |[c, ..]: [usize; 3]| pixels[c * 15..][..15].iter().sum::<f32>() / 15.0;
    let copy = |[c, y, x]: [usize; 3]| pixel(c, y as u32, x as u32);

    let check = |to: [usize; 3], expected: &dyn Fn([usize; 3]) -> f32, action: &dyn Fn(Blocked, Blocked) -> Action| {
        let residual = numbers(to.iter().product(), 3);
        for variant in Variant::available() {
            let made = one_step(variant, [size, to], [&pixels, &residual, &shift], action);
            for (at, value) in made.iter().enumerate() {
                let place = [at / (to[1] * to[2]), at / to[2] % to[1], at % to[2]];
                let expected = (expected(place) + residual[at] + shift[place[0]]).max(0.0);
                assert!((value - expected).abs() < 1e-6, "{variant}: {value} for {expected} at {place:?}");
            }
        }
    };
    check(size, &copy, &|_, _| Action::Copy);
    check([channels, 1, 1], &mean, &|_, _| Action::Mean);
    check([channels, rows.len(), columns.len()], &resized, &|input, output| {
        let tables = [rows.iter().map(blend).collect(), columns.iter().map(blend).collect()];
        let [rows, columns]: [Vec<Blend>; 2] = tables;
        Action::Resize(Resize::new(input, output, rows, columns).unwrap())
    });
}

#[test]
fn programs_with_mistakes_are_refused() {
    let variant = Variant::Portable;
    let place = |offset, channels| Place { offset, picture: Blocked::new(channels, 4, 4, 4) };
    let step = |input, output| Step { action: Action::Copy, input, output, ending: Ending::default() };
    let refused = |step: Step| Program::new(variant, vec![], vec![step], vec![]).unwrap_err();
    assert!(refused(step(place(0, 4), place(32, 4))).contains("over an input"));
    assert!(refused(step(place(0, 4), place(64, 8))).contains("another size"));
    let window = Window { kernel: [3, 3], stride: 1, padding: [1, 1] };
    let picture = Blocked::new(4, 4, 4, 4);
    assert!(Convolution::new(picture, picture, window, &[0.0; 144], &[0.0; 4]).is_none(), "there is no border");
    let bordered = Blocked { before: 1, after: 1, ..picture };
    let plan = Convolution::new(bordered, picture, window, &[0.0; 144], &[0.0; 4]).unwrap();
    let conv = Step { action: Action::Convolve(plan), ..step(place(0, 4), place(64, 4)) };
    assert!(refused(conv).contains("planned for"));
    if let Some(other) = Variant::available().find(|v| v.lanes() != 4) {
        assert!(Program::new(other, vec![], vec![step(place(0, 4), place(64, 4))], vec![]).is_err());
    }
}

//! Steps on pictures in one stretch of memory, checked once and then run without further questions.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tract_onnx::prelude::TVec;

use super::activation::Activation;
use super::blocked::Blocked;
use super::convolution::Convolution;
use super::depthwise::Depthwise;
use super::finish::Finish;
use super::grid::{Element, Grid};
use super::layout::{MAX_PACKED, PACKED};
use super::planes::{MaxPool, Resize};
use super::quantized::QuantizedConvolution;
use super::scratch::{Scratch, whole_lines};
use super::task::{Task, Work};
use super::team::Team;
use super::variant::Variant;
use super::winograd::Winograd;

/// A picture and where it begins in the workspace, in floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Place {
    pub offset: usize,
    pub picture: Blocked,
}

impl Place {
    fn range(&self) -> Range<usize> {
        self.offset..self.offset.saturating_add(self.picture.floats())
    }
}

/// What is added to a step's sums, and done to them, before they are stored.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Ending {
    /// A picture of the output's size.
    pub residual: Option<Place>,
    /// A picture of one pixel, added to all.
    pub shift: Option<Place>,
    pub activation: Activation,
    /// The grid to which numbers are rounded that are stored as floats.
    pub rounding: Option<Grid>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(in crate::engine) enum Action {
    Convolve(Convolution),
    Quantized(QuantizedConvolution),
    Depthwise(Depthwise),
    /// With room for the transformed input.
    Winograd(Winograd, Range<usize>),
    Resize(Resize),
    MaxPool(MaxPool),
    /// The input times a picture of one pixel.
    Scale(Place),
    /// The input itself, to be added to and activated.
    Copy,
    /// The mean over all pixels: one pixel.
    Mean,
    /// Few planar channels to bytes, a word a pixel.
    Pack,
}

/// One step from a picture to another.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Step {
    pub action: Action,
    pub input: Place,
    pub output: Place,
    pub ending: Ending,
}

/// Steps in order, what they read from outside and what they give.
#[derive(Debug)]
pub(in crate::engine) struct Program {
    variant: Variant,
    inputs: Vec<Place>,
    steps: Vec<Step>,
    outputs: Vec<Place>,
    passes: Vec<Pass>,
    /// Floats of pictures, and of each thread's scratch.
    memory: usize,
    scratch: usize,
}

/// A part of a step between two meetings of the threads.
#[derive(Clone, Copy, Debug)]
struct Pass {
    kind: Kind,
    units: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Clear(Place),
    Import(usize),
    Step(usize),
    /// The second half of a Winograd convolution.
    Multiply(usize),
    Export(usize),
}

/// What a run needs. One run at a time.
pub(in crate::engine) struct Workspace {
    /// For the program's pictures and its threads' own scratch. What it holds between runs is not needed, so programs may take
    /// turns with one.
    pub scratch: Scratch,
    threads: usize,
    progress: Vec<Progress>,
    /// Whether runs leave their [times](Program::times) here.
    pub timed: bool,
}

/// Units of a pass that were given out and that are done, and how long the pass took where runs are timed.
#[derive(Default)]
struct Progress {
    given: AtomicUsize,
    done: AtomicUsize,
    nanoseconds: AtomicU64,
}

/// What a time of [`Workspace::times`] was spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Timed {
    /// Planar pictures from outside, to the blocked layout.
    Import,
    /// The step with this number.
    Step(usize),
    /// Back to planar pictures.
    Export,
}

impl Program {
    /// Checks that every step's pictures have the layouts it was planned for, lie in the workspace, and that no step
    /// writes over what it reads. The error says which step is at fault.
    pub fn new(variant: Variant, inputs: Vec<Place>, steps: Vec<Step>, outputs: Vec<Place>) -> Result<Self, String> {
        let (mut memory, mut scratch) = (0, 0);
        let mut passes = Vec::new();
        let clear = |place: &Place, passes: &mut Vec<Pass>| {
            if place.picture.before + place.picture.after > 0 {
                passes.push(Pass { kind: Kind::Clear(*place), units: place.picture.blocks() });
            }
        };
        for (ix, place) in inputs.iter().enumerate() {
            memory = memory.max(place.range().end);
            if ![1, variant.lanes()].contains(&place.picture.lanes) || place.picture.element != Element::Float {
                return Err(format!("input {ix}: the layout is another variant's"));
            }
            clear(place, &mut passes);
            passes.push(Pass { kind: Kind::Import(ix), units: place.picture.rows() });
        }
        for (ix, step) in steps.iter().enumerate() {
            let wrong = |what: &str| Err(format!("step {ix}: {what}"));
            let mut reads = vec![step.input];
            reads.extend(step.ending.residual);
            reads.extend(step.ending.shift);
            if let Some(residual) = step.ending.residual
                && !same_pixels(&residual.picture, &step.output.picture)
            {
                return wrong("the residual is of another size");
            }
            let pixel = Blocked::new(step.output.picture.channels, 1, 1, variant.lanes());
            if step.ending.shift.is_some_and(|shift| shift.picture != pixel) {
                return wrong("the shift is no single pixel");
            }
            if let Action::Scale(factor) = &step.action {
                if factor.picture != pixel {
                    return wrong("the factor is no single pixel");
                }
                reads.push(*factor);
            }
            clear(&step.output, &mut passes);
            let (input, output) = (step.input.picture, step.output.picture);
            let first = match &step.action {
                Action::Convolve(plan) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    plan.units()
                }
                Action::Quantized(plan) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    if plan.dots().variant() != variant {
                        return wrong("its products are another variant's");
                    }
                    plan.units()
                }
                Action::Depthwise(plan) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    plan.units()
                }
                Action::Winograd(plan, room) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    let others = reads.iter().chain([&step.output]);
                    if room.len() < plan.transformed_len() || others.into_iter().any(|p| overlap(&p.range(), room)) {
                        return wrong("the transformed input has no room of its own");
                    }
                    memory = memory.max(room.end);
                    scratch = scratch.max(whole_lines(plan.scratch_len()));
                    plan.transform_units()
                }
                Action::Resize(plan) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    plan.units()
                }
                Action::MaxPool(plan) => {
                    fitting(ix, [plan.input(), plan.output()], [input, output])?;
                    plan.units()
                }
                Action::Copy | Action::Scale(_) if same_pixels(&input, &output) => output.rows(),
                Action::Mean if same_pixels(&Blocked { height: 1, width: 1, ..input }, &output) => input.blocks(),
                Action::Pack if packs(&input, &output) => input.height,
                Action::Copy | Action::Scale(_) | Action::Mean | Action::Pack => {
                    return wrong("the output is of another size");
                }
            };
            if reads.iter().any(|p| overlap(&p.range(), &step.output.range())) {
                return wrong("the output lies over an input");
            }
            let planar = matches!(step.action, Action::Convolve(_) | Action::Pack) && input.lanes == 1;
            let packed = matches!(step.action, Action::Quantized(_)) && input.lanes == PACKED;
            let others = reads.iter().skip(usize::from(planar || packed));
            let output = (!matches!(step.action, Action::Pack)).then_some(&step.output);
            let mut others = others.chain(output);
            if others.any(|p| p.picture.lanes != variant.lanes()) {
                return wrong("the layout is another variant's");
            }
            memory = reads.iter().chain([&step.output]).map(|p| p.range().end).fold(memory, usize::max);
            passes.push(Pass { kind: Kind::Step(ix), units: first });
            if let Action::Winograd(plan, _) = &step.action {
                passes.push(Pass { kind: Kind::Multiply(ix), units: plan.multiply_units() });
            }
        }
        for (ix, place) in outputs.iter().enumerate() {
            memory = memory.max(place.range().end);
            if place.picture.lanes != variant.lanes() {
                return Err(format!("output {ix}: the layout is another variant's"));
            }
            passes.push(Pass { kind: Kind::Export(ix), units: place.picture.rows() });
        }
        if !variant.is_available() {
            return Err(format!("this processor does not run {variant}"));
        }
        Ok(Program { variant, inputs, steps, outputs, passes, memory: whole_lines(memory), scratch })
    }

    pub fn variant(&self) -> Variant {
        self.variant
    }

    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Bytes of a workspace for runs on `threads` threads.
    pub fn workspace_bytes(&self, threads: usize) -> usize {
        self.memory.saturating_add(threads.saturating_mul(self.scratch)).saturating_mul(size_of::<f32>())
    }

    /// For runs on `threads` threads, with no memory yet.
    pub fn workspace(&self, threads: usize) -> Workspace {
        Workspace {
            scratch: Scratch::default(),
            threads,
            progress: self.passes.iter().map(|_| Progress::default()).collect(),
            timed: false,
        }
    }

    /// Runs every step on planar pictures [channels, height, width], one slice an input and an output.
    ///
    /// # Panics
    /// If a slice's length is not its picture's, or the workspace was made by another program or for fewer threads.
    pub fn run(&self, workspace: &mut Workspace, inputs: &[&[f32]], outputs: &mut [&mut [f32]], team: &Team) {
        let pixels = |place: &Place| place.picture.channels * place.picture.height * place.picture.width;
        assert!(inputs.iter().map(|s| s.len()).eq(self.inputs.iter().map(pixels)), "inputs of other lengths");
        assert!(outputs.iter().map(|s| s.len()).eq(self.outputs.iter().map(pixels)), "outputs of other lengths");
        assert!(workspace.threads >= team.threads() && workspace.progress.len() == self.passes.len());
        let memory = workspace.scratch.take(self.memory + workspace.threads * self.scratch);
        for progress in &mut workspace.progress {
            (*progress.given.get_mut(), *progress.done.get_mut()) = (0, 0);
        }
        let run = Run {
            program: self,
            memory: Memory(memory.as_mut_ptr()),
            inputs,
            outputs: Outputs(outputs.iter_mut().map(|s| s.as_mut_ptr()).collect()),
            progress: &workspace.progress,
            failed: AtomicBool::new(false),
            threads: team.threads(),
            timed: workspace.timed,
        };
        team.run(&|number| run.take_part(number));
    }

    /// How long the passes of the last timed run took, in order; clearing borders counts to what follows.
    pub fn times<'a>(&'a self, workspace: &'a Workspace) -> impl Iterator<Item = (Timed, Duration)> + 'a {
        let mut next = 0;
        self.passes.iter().zip(&workspace.progress).map(move |(pass, progress)| {
            let timed = match pass.kind {
                Kind::Import(_) => Timed::Import,
                Kind::Export(_) => Timed::Export,
                Kind::Step(ix) | Kind::Multiply(ix) => {
                    next = ix + 1;
                    Timed::Step(ix)
                }
                Kind::Clear(_) => Timed::Step(next.min(self.steps.len().saturating_sub(1))),
            };
            (timed, Duration::from_nanos(progress.nanoseconds.load(Ordering::Relaxed)))
        })
    }
}

fn fitting(step: usize, planned: [Blocked; 2], given: [Blocked; 2]) -> Result<(), String> {
    if planned == given { Ok(()) } else { Err(format!("step {step}: planned for {planned:?}, given {given:?}")) }
}

fn same_pixels(a: &Blocked, b: &Blocked) -> bool {
    (a.channels, a.height, a.width, a.lanes) == (b.channels, b.height, b.width, b.lanes)
}

/// Whether a planar picture of floats becomes a picture of packed bytes.
fn packs(from: &Blocked, to: &Blocked) -> bool {
    let planar = from.lanes == 1 && from.element == Element::Float && from.channels <= MAX_PACKED;
    let size = |p: &Blocked| (p.channels, p.height, p.width);
    planar && to.lanes == PACKED && to.element.is_byte() && size(from) == size(to)
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

struct Memory(*mut f32);
struct Outputs(TVec<*mut f32>);

// SAFETY: threads write disjoint units of a pass, and a pass begins when the one before it is done (`Run::take_part`).
unsafe impl Sync for Memory {}
// SAFETY: as `Memory`.
unsafe impl Sync for Outputs {}

/// One run, seen by all of its threads.
struct Run<'a> {
    program: &'a Program,
    memory: Memory,
    inputs: &'a [&'a [f32]],
    outputs: Outputs,
    progress: &'a [Progress],
    /// A thread has panicked: its units will never be done.
    failed: AtomicBool,
    threads: usize,
    timed: bool,
}

/// Tells the others when a thread unwinds.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Run<'_> {
    /// Takes units of every pass in turn; nobody begins a pass before the one before it is done.
    fn take_part(&self, number: usize) {
        let _alarm = Alarm(&self.failed);
        for (pass, progress) in self.program.passes.iter().zip(self.progress) {
            let begun = (self.timed && number == 0).then(Instant::now);
            let share = pass.units.div_ceil(4 * self.threads).max(1);
            let share = if self.threads == 1 { pass.units } else { share };
            loop {
                let first = progress.given.fetch_add(share, Ordering::Relaxed);
                if first >= pass.units {
                    break;
                }
                let units = first..(first + share).min(pass.units);
                let count = units.len();
                self.work(pass.kind, units, number);
                progress.done.fetch_add(count, Ordering::Release);
            }
            self.meet(pass, progress);
            if let Some(begun) = begun {
                progress.nanoseconds.store(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
            }
        }
    }

    /// Waits until the others have done what they took.
    fn meet(&self, pass: &Pass, progress: &Progress) {
        // A little longer than a unit takes; then another program may have the core.
        const SPINS: u32 = 2000;
        let mut spins = 0;
        while progress.done.load(Ordering::Acquire) < pass.units {
            assert!(!self.failed.load(Ordering::Relaxed), "another thread of this run panicked");
            if spins < SPINS {
                spins += 1;
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }

    fn work(&self, kind: Kind, units: Range<usize>, number: usize) {
        let program = self.program;
        // SAFETY: `Program::new` has checked that every offset used here, with its picture, lies in the workspace, and
        // `Program::run` that the workspace is as large.
        let at = |offset: usize| unsafe { self.memory.0.add(offset) };
        let (work, input, finish) = match kind {
            Kind::Clear(place) => {
                let finish = Finish::plain(at(place.offset), place.picture);
                (Work::ClearBorder(place.picture), std::ptr::null(), finish)
            }
            Kind::Import(ix) => {
                let place = program.inputs[ix];
                (Work::Import(place.picture), self.inputs[ix].as_ptr(), Finish::plain(at(place.offset), place.picture))
            }
            Kind::Export(ix) => {
                let place = program.outputs[ix];
                let input = at(place.offset).cast_const();
                (Work::Export(place.picture), input, Finish::plain(self.outputs.0[ix], place.picture))
            }
            Kind::Step(ix) | Kind::Multiply(ix) => {
                let Step { action, input, output, ending } = &program.steps[ix];
                let finish = Finish {
                    output: at(output.offset),
                    residual: ending.residual.map_or(std::ptr::null(), |p| at(p.offset).cast_const()),
                    residual_picture: ending.residual.map_or(output.picture, |p| p.picture),
                    shift: ending.shift.map_or(std::ptr::null(), |p| at(p.offset).cast_const()),
                    activation: ending.activation,
                    rounding: ending.rounding,
                };
                let from = at(input.offset).cast_const();
                match (action, kind) {
                    (Action::Winograd(plan, room), Kind::Multiply(_)) => {
                        (Work::Multiply(plan), at(room.start).cast_const(), finish)
                    }
                    (Action::Winograd(plan, room), _) => {
                        (Work::Transform(plan), from, Finish::plain(at(room.start), output.picture))
                    }
                    (Action::Convolve(plan), _) => (Work::Convolve(plan), from, finish),
                    (Action::Quantized(plan), _) => {
                        // SAFETY: as for the task below; `new` has checked that the plan's products are the variant's.
                        unsafe { plan.run(from, &finish, units) };
                        return;
                    }
                    (Action::Pack, _) => {
                        let Element::Byte(grid) = output.picture.element else { return };
                        (Work::Pack(input.picture, output.picture, grid), from, finish)
                    }
                    (Action::Depthwise(plan), _) => (Work::Depthwise(plan), from, finish),
                    (Action::Resize(plan), _) => (Work::Resize(plan), from, finish),
                    (Action::MaxPool(plan), _) => (Work::MaxPool(plan), from, finish),
                    (Action::Scale(factor), _) => {
                        let pixel = at(factor.offset).cast_const();
                        (Work::Scale(input.picture, output.picture, pixel), from, finish)
                    }
                    (Action::Copy, _) => (Work::Copy(input.picture, output.picture), from, finish),
                    (Action::Mean, _) => (Work::Mean(input.picture, output.picture), from, finish),
                }
            }
        };
        let scratch = at(program.memory + number * program.scratch);
        let task = Task { work, input, finish, scratch, units };
        // SAFETY: the variant is available and its lanes are the pictures', the pictures have the plans' layouts and the
        // output overlaps nothing that is read (`Program::new`); units of a pass are given out once (`take_part`).
        unsafe { program.variant.run(&task) }
    }
}

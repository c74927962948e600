use super::build::{Draft, Kind, Operation, Shape};
use super::integers::{Integers, integers};
use super::refusal::Refusal;
use crate::engine::kernels::{
    Action, Activation, Blocked, Convolution, Depthwise, Dots, Element, MAX_PACKED, MaxPool, PACKED, Place,
    QuantizedConvolution, Resize, Variant, Window, Winograd,
};
use crate::engine::quantized::WeightGrids;

/// With fewer tiles than this, reading the transformed weights takes longer than they save.
const MIN_TILES: usize = 16;
/// With fewer channels than this, transforming takes longer than it saves.
const MIN_CHANNELS: usize = 16;

/// The environment variable that turns Winograd's way off, for comparisons.
const WINOGRAD: &str = "FOVEATE_WINOGRAD";

/// How an operation is computed where there is a choice.
enum Way {
    Plain,
    Winograd,
    /// On integers, by these weights.
    Quantized(Integers, Dots),
}

/// What has been planned for a draft.
pub(super) struct Planned {
    /// Of its pictures.
    pub layouts: Vec<Blocked>,
    /// Of its operations.
    pub actions: Vec<Action>,
    pub refused: Vec<Refusal>,
}

/// How each of a draft's operations is computed on `variant`, and how its pictures lie.
pub(super) fn plan(draft: &Draft, variant: Variant, grids: &WeightGrids) -> Result<Planned, String> {
    let (elements, ways) = ways(draft, variant, grids);
    let refused = refused(draft, &ways);
    let layouts = layouts(draft, variant, &elements, &ways);
    let planned = draft.operations.iter().zip(ways).enumerate();
    let actions = planned.map(|(at, (op, way))| action(op, way, &layouts, at)).collect::<Result<_, _>>()?;
    Ok(Planned { layouts, actions, refused })
}

/// The convolutions of rounded pictures that are computed on floats.
fn refused(draft: &Draft, ways: &[Way]) -> Vec<Refusal> {
    let rounded = |picture: usize| draft.operations.iter().any(|op| op.output == picture && op.grid.is_some());
    let convolutions = draft.operations.iter().zip(ways).filter(|(op, way)| {
        let full = matches!(op.kind, Kind::Convolution { depthwise: false, .. });
        full && rounded(op.input) && !matches!(way, Way::Quantized(..))
    });
    let reason = "its weights, or those of another that reads the same picture, are not whole numbers of a scale";
    convolutions.map(|(op, _)| Refusal::new(&op.name, reason)).collect()
}

/// Every picture's element and every operation's way. A picture that is rounded to a grid is of bytes, unless one of its
/// readers can only read floats.
fn ways(draft: &Draft, variant: Variant, grids: &WeightGrids) -> (Vec<Element>, Vec<Way>) {
    let dots = Dots::best(variant);
    let mut whole: Vec<Option<Integers>> = draft
        .operations
        .iter()
        .map(|op| match &op.kind {
            Kind::Convolution { depthwise: false, weights, bias, .. } => integers(weights.get(), bias.len(), grids),
            _ => None,
        })
        .collect();
    let mut elements = vec![Element::Float; draft.pictures.len()];
    for maker in &draft.operations {
        let Some(grid) = maker.grid else { continue };
        let reads_bytes = |(op, whole): (&Operation, &Option<Integers>)| {
            let pixel =
                matches!(op.kind, Kind::Scale { pixel } if pixel == maker.output) || op.shift == Some(maker.output);
            let convolution = op.input == maker.output && matches!(op.kind, Kind::Convolution { depthwise: false, .. });
            !pixel && (!convolution || whole.is_some() && dots.is_some())
        };
        if draft.operations.iter().zip(&whole).all(reads_bytes) {
            elements[maker.output] = Element::Byte(grid);
        }
    }
    let shape = |ix: usize| {
        let [channels, height, width] = draft.pictures[ix];
        Blocked::new(channels, height, width, variant.lanes())
    };
    let may_transform = std::env::var(WINOGRAD).map_or(true, |v| v != "0");
    let ways = draft.operations.iter().zip(&mut whole).map(|(op, whole)| match &op.kind {
        Kind::Convolution { window, depthwise: false, .. } => match (whole.take(), dots) {
            (Some(weights), Some(dots)) if elements[op.input].is_byte() => Way::Quantized(weights, dots),
            _ if may_transform && suits_winograd(window, &shape(op.input), &shape(op.output)) => Way::Winograd,
            _ => Way::Plain,
        },
        _ => Way::Plain,
    });
    let ways = ways.collect();
    (elements, ways)
}

/// Each picture's layout, with the border that its readers need.
fn layouts(draft: &Draft, variant: Variant, elements: &[Element], ways: &[Way]) -> Vec<Blocked> {
    let lanes = variant.lanes();
    let blocked = |([channels, height, width], element): (&Shape, &Element)| Blocked {
        element: *element,
        ..Blocked::new(*channels, *height, *width, lanes)
    };
    let mut layouts: Vec<Blocked> = draft.pictures.iter().zip(elements).map(blocked).collect();
    for (op, way) in draft.operations.iter().zip(ways) {
        let Kind::Convolution { window, .. } = &op.kind else { continue };
        let (input, output) = (layouts[op.input], layouts[op.output]);
        let (before, after) = match way {
            Way::Winograd => Winograd::border(&input, &output, window.padding),
            _ => window.borders(&input, &output),
        };
        let picture = &mut layouts[op.input];
        (picture.before, picture.after) = (picture.before.max(before), picture.after.max(after));
    }
    let packed: Vec<usize> =
        draft.operations.iter().filter(|op| packs(op, draft, elements, ways)).map(|op| op.output).collect();
    for picture in &packed {
        layouts[*picture].lanes = PACKED;
    }
    // Few colours from outside stay planar: a register would be mostly empty.
    for (_, picture) in &draft.inputs {
        let directly = |op: &Operation, way: &Way| match &op.kind {
            Kind::Convolution { depthwise, .. } => !depthwise && matches!(way, Way::Plain),
            _ => packed.contains(&op.output),
        };
        let planar = draft
            .operations
            .iter()
            .zip(ways)
            .all(|(op, way)| !is_operand(op, *picture) && (op.input != *picture || directly(op, way)));
        let given = draft.outputs.iter().any(|(_, output)| output == picture);
        let few = 2 * draft.pictures[*picture][0] <= lanes
            || draft.operations.iter().any(|op| op.input == *picture && packed.contains(&op.output));
        if planar && !given && few {
            layouts[*picture].lanes = 1;
        }
    }
    layouts
}

/// Whether `op` reads `picture` beside its input.
fn is_operand(op: &Operation, picture: usize) -> bool {
    let factor = matches!(op.kind, Kind::Scale { pixel } if pixel == picture);
    factor || op.residual == Some(picture) || op.shift == Some(picture)
}

/// Whether `op` only rounds a picture of few channels from outside for convolutions.
fn packs(op: &Operation, draft: &Draft, elements: &[Element], ways: &[Way]) -> bool {
    let plain = matches!(op.kind, Kind::Copy)
        && op.residual.is_none()
        && op.shift.is_none()
        && op.activation == Activation::None;
    let outside = |picture: usize| draft.inputs.iter().any(|(_, input)| *input == picture);
    let given = draft.outputs.iter().any(|(_, output)| *output == op.output);
    let by_convolutions = draft.operations.iter().zip(ways).all(|(reader, way)| {
        !is_operand(reader, op.output) && (reader.input != op.output || matches!(way, Way::Quantized(..)))
    });
    let alone = draft.operations.iter().all(|other| {
        // What comes planar from outside can be read by one kind of step only.
        other.input != op.input || matches!(other.kind, Kind::Copy) && other.output == op.output
    });
    let few = draft.pictures[op.output][0] <= MAX_PACKED;
    plain && few && elements[op.output].is_byte() && outside(op.input) && !given && by_convolutions && alone
}

/// Whether a convolution is faster by Winograd's way.
fn suits_winograd(window: &Window, input: &Blocked, output: &Blocked) -> bool {
    let tiles = output.height.div_ceil(4) * output.width.div_ceil(4);
    window.kernel == [3, 3]
        && window.stride == 1
        && tiles >= MIN_TILES
        && input.channels.min(output.channels) >= MIN_CHANNELS
}

fn action(op: &Operation, way: Way, layouts: &[Blocked], at: usize) -> Result<Action, String> {
    let (input, output) = (layouts[op.input], layouts[op.output]);
    let planned = match &op.kind {
        Kind::Convolution { window, depthwise: true, weights, bias } => {
            Depthwise::new(input, output, *window, weights.get(), bias).map(Action::Depthwise)
        }
        Kind::Convolution { window, weights, bias, .. } => match way {
            Way::Quantized(Integers { weights, scale }, dots) => {
                QuantizedConvolution::new(dots, [input, output], *window, &weights, [&scale, bias])
                    .map(Action::Quantized)
            }
            Way::Winograd => Winograd::new(input, output, window.padding, weights.get(), bias)
                .map(|plan| Action::Winograd(plan, 0..0)),
            Way::Plain => Convolution::new(input, output, *window, weights.get(), bias).map(Action::Convolve),
        },
        Kind::Resize { rows, columns } => Resize::new(input, output, rows.clone(), columns.clone()).map(Action::Resize),
        Kind::MaxPool { window } => MaxPool::new(input, output, *window).map(Action::MaxPool),
        // The pixel's place is known later.
        Kind::Scale { pixel } => Some(Action::Scale(Place { offset: 0, picture: layouts[*pixel] })),
        Kind::Copy if input.lanes == 1 && output.lanes == PACKED => Some(Action::Pack),
        Kind::Copy => Some(Action::Copy),
        Kind::Mean => Some(Action::Mean),
    };
    planned.ok_or_else(|| format!("operation {at} ({}): shapes {input:?} and {output:?} do not fit", op.name))
}

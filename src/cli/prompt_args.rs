//! `--point`, `--box` and `--mask`: a prompt on the command line.

use std::path::PathBuf;

use crate::geometry::{BoundingBox, Label, LabeledPoint};
use crate::segment::{written_box, written_label, written_point};

/// What to segment. At least one of these; all that are given speak about the same object.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "prompt", required = true, multiple = true)]
pub struct PromptArgs {
    /// A point on the object, or off it with a third number 0. May be repeated
    #[arg(
        long = "point",
        value_name = "X,Y[,0|1]",
        value_parser = parse_point,
        allow_hyphen_values = true,
        help_heading = "Prompt"
    )]
    pub points: Vec<LabeledPoint>,
    /// A box around the object. The part outside the photo is cut off
    #[arg(
        long = "box",
        value_name = "X0,Y0,X1,Y1",
        value_parser = parse_box,
        allow_hyphen_values = true,
        help_heading = "Prompt"
    )]
    pub bbox: Option<BoundingBox>,
    /// An earlier or rough mask to start from, of the photo's size: 0 outside, anything else inside (docs/prompts.md)
    #[arg(long, value_name = "PNG", help_heading = "Prompt")]
    pub mask: Option<PathBuf>,
    /// The label of the object, where the mask has several
    #[arg(long, value_name = "N", requires = "mask", help_heading = "Prompt")]
    pub mask_label: Option<u16>,
}

/// `X,Y` or `X,Y,1` for a point on the object, `X,Y,0` for one off it.
pub fn parse_point(text: &str) -> Result<LabeledPoint, String> {
    let expected = || {
        format!(
            "`{text}` is not a point: give X,Y in pixels, as in 120,80, or X,Y,0 for a point that is not the object"
        )
    };
    let mut fields = text.split(',').map(str::trim);
    let mut coordinate = || fields.next().and_then(number).ok_or_else(expected);
    let point = written_point(coordinate()?, coordinate()?).map_err(|_| expected())?;
    let label = match fields.next() {
        None => Label::Foreground,
        Some(label) => number(label).and_then(|label| written_label(label).ok()).ok_or_else(expected)?,
    };
    if fields.next().is_some() {
        return Err(expected());
    }
    Ok(LabeledPoint { point, label })
}

/// `X0,Y0,X1,Y1`, left, top, right and bottom edge.
pub fn parse_box(text: &str) -> Result<BoundingBox, String> {
    let numbers: Option<Vec<f64>> = text.split(',').map(|field| number(field.trim())).collect();
    let edges = numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok());
    edges.and_then(|edges| written_box(edges).ok()).ok_or_else(|| {
        format!("`{text}` is not a box: give X0,Y0,X1,Y1 in pixels with X0<X1 and Y0<Y1, as in 40,30,200,180")
    })
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;

    #[derive(Parser, Debug)]
    struct Command {
        #[command(flatten)]
        prompt: PromptArgs,
    }

    fn parse(args: &[&str]) -> Result<PromptArgs, clap::Error> {
        Command::try_parse_from([&["test"], args].concat()).map(|c| c.prompt)
    }

    #[test]
    fn points_have_a_label_if_they_want() {
        let p = parse(&["--point", "1,2", "--point", "3.5, 4,0", "--point=5,6,1"]).unwrap();
        let expected = [
            LabeledPoint::foreground(1.0, 2.0),
            LabeledPoint::background(3.5, 4.0),
            LabeledPoint::foreground(5.0, 6.0),
        ];
        assert_eq!(p.points, expected);
        assert_eq!(parse(&["--point", "3,4,1.0"]).unwrap().points, [LabeledPoint::foreground(3.0, 4.0)]);
        assert_eq!(parse(&["--point", "3,4,0.0"]).unwrap().points, [LabeledPoint::background(3.0, 4.0)]);
        assert_eq!(parse(&["--box", "-5,0,10,20"]).unwrap().bbox, Some(BoundingBox::new(-5.0, 0.0, 10.0, 20.0)));
        assert_eq!(parse(&["--point", "-5,3"]).unwrap().points, [LabeledPoint::foreground(-5.0, 3.0)]);
    }

    #[test]
    fn bad_forms_are_usage_errors_that_show_the_right_form() {
        for text in ["1", "1,", "a,b", "1,2,3", "1,2,0,1", "nan,2", "1,inf", "", "1;2"] {
            let e = parse(&["--point", text]).unwrap_err();
            assert!(matches!(e.kind(), ErrorKind::ValueValidation | ErrorKind::InvalidValue), "{text}: {e}");
            assert_eq!(e.exit_code(), 2);
            assert!(e.to_string().contains("X,Y"), "{text}: {e}");
        }
        for text in ["1,2,3", "1,2,3,4,5", "10,10,10,20", "20,0,10,5", "0,0,nan,9", "0,0,x,9"] {
            let e = parse(&["--box", text]).unwrap_err();
            assert_eq!(e.exit_code(), 2);
            assert!(e.to_string().contains("X0,Y0,X1,Y1"), "{text}: {e}");
        }
    }

    #[test]
    fn a_prompt_is_required() {
        assert_eq!(parse(&[]).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
    }
}

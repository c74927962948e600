//! Figures by how large the object is in its photo.

use serde::Serialize;

use super::protocol::Outcome;
use crate::statistics::mean;

/// An object's size, by its share of the photo's area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeClass {
    /// Below 2 %.
    Small,
    /// From 2 to 15 %.
    Medium,
    /// Above 15 %.
    Large,
}

impl SizeClass {
    /// The class of an object that covers `share` (0 to 1) of its photo.
    pub fn of(share: f64) -> Self {
        match share {
            s if s < 0.02 => SizeClass::Small,
            s if s > 0.15 => SizeClass::Large,
            _ => SizeClass::Medium,
        }
    }
}

/// Means over the objects of one class; `None` (JSON `null`) when it has none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Objects of this class.
    pub count: usize,
    /// Mean IoU of the answers to one click.
    pub iou_1click: Option<f64>,
    /// Mean IoU of the answers to the box.
    pub iou_box: Option<f64>,
}

/// The figures of every class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sizes {
    /// Objects below 2 % of their photo.
    pub small: ClassFigures,
    /// Objects of 2 to 15 %.
    pub medium: ClassFigures,
    /// Objects above 15 %.
    pub large: ClassFigures,
}

impl Sizes {
    /// Averages `outcomes` class by class.
    pub fn new(outcomes: &[Outcome]) -> Self {
        let figures = |class| {
            let members = || outcomes.iter().filter(move |o| SizeClass::of(o.share) == class);
            ClassFigures {
                count: members().count(),
                iou_1click: mean(members().map(Outcome::iou_1click)),
                iou_box: mean(members().map(|o| o.iou_box)),
            }
        };
        Sizes { small: figures(SizeClass::Small), medium: figures(SizeClass::Medium), large: figures(SizeClass::Large) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_belong_to_the_middle() {
        use SizeClass::*;
        let shares = [0.0, 0.0199, 0.02, 0.15, 0.1501, 1.0];
        assert_eq!(shares.map(SizeClass::of), [Small, Small, Medium, Medium, Large, Large]);
    }

    #[test]
    fn each_class_has_its_own_means() {
        let object =
            |share, iou_box| Outcome { share, iou_box, iou_by_click: [iou_box / 2.0; 20], ..Outcome::default() };
        let sizes = Sizes::new(&[object(0.01, 0.2), object(0.5, 0.6), object(0.3, 1.0)]);
        assert_eq!(sizes.small, ClassFigures { count: 1, iou_1click: Some(0.1), iou_box: Some(0.2) });
        assert_eq!(sizes.medium, ClassFigures { count: 0, iou_1click: None, iou_box: None });
        assert_eq!(sizes.large, ClassFigures { count: 2, iou_1click: Some(0.4), iou_box: Some(0.8) });
    }
}

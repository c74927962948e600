//! Camera controls.

use std::io;

use v4l::v4l_sys as sys;
use v4l::v4l2::vidioc;

use super::{MAX_ENTRIES, Node, Plain, text};

/// A control as the camera describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    pub name: String,
    pub minimum: i32,
    pub maximum: i32,
    pub step: i32,
    /// The values on offer with their names, if it is a menu.
    pub menu: Vec<(i32, String)>,
    pub read_only: bool,
}

impl Node {
    /// What the camera says about a control; `None` if it does not have it.
    pub(crate) fn control(&self, id: u32) -> io::Result<Option<Control>> {
        let mut q = sys::v4l2_queryctrl { id, ..Plain::zeroed() };
        match self.ioctl(vidioc::VIDIOC_QUERYCTRL, &mut q) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EINVAL | libc::ENOTTY)) => return Ok(None),
            other => other?,
        }
        if q.flags & sys::V4L2_CTRL_FLAG_DISABLED != 0 {
            return Ok(None);
        }
        let menu = match q.type_ {
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU => self.menu(&q),
            _ => Vec::new(),
        };
        Ok(Some(Control {
            name: text(&q.name),
            minimum: q.minimum,
            maximum: q.maximum,
            step: q.step.max(1),
            menu,
            read_only: q.flags & sys::V4L2_CTRL_FLAG_READ_ONLY != 0,
        }))
    }

    /// A menu's entries; those between its ends that the camera does not have are left out.
    fn menu(&self, q: &sys::v4l2_queryctrl) -> Vec<(i32, String)> {
        let values = (q.minimum..=q.maximum).take(MAX_ENTRIES as usize);
        let entry = |value: i32| {
            let index = u32::try_from(value).ok()?;
            let mut m = sys::v4l2_querymenu { id: q.id, index, ..Plain::zeroed() };
            self.ioctl(vidioc::VIDIOC_QUERYMENU, &mut m).ok()?;
            // SAFETY: both members of the union are plain integers, so either may be read.
            Some((value, text(&unsafe { m.__bindgen_anon_1.name })))
        };
        values.filter_map(entry).collect()
    }

    pub(crate) fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        let mut c = sys::v4l2_control { id, value };
        self.ioctl(vidioc::VIDIOC_S_CTRL, &mut c)
    }
}

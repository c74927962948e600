use super::{Finding, Status};
use crate::input::{PROMPTS, TouchDeviceInfo};

/// What there is to touch.
pub fn touch_findings(devices: &[TouchDeviceInfo]) -> Vec<Finding> {
    if devices.is_empty() {
        let detail = format!("none found; prompts of this build: {}", PROMPTS.forms());
        return vec![Finding::ok("touch", detail)];
    }
    devices.iter().map(touch_finding).collect()
}

fn touch_finding(device: &TouchDeviceInfo) -> Finding {
    let (subject, detail) = (format!("input {}", device.address), format!("{}: {}", device.name, device.kind));
    if device.readable {
        return Finding::ok(subject, detail);
    }
    let remedy = "add your user to the `input` group (sudo usermod -aG input $USER) and log in again";
    Finding::problem(Status::Fail, subject, format!("{detail}, no permission"), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_show_their_kind_and_who_may_not_read_them() {
        let panel = TouchDeviceInfo {
            address: "touch:/dev/input/event3".into(),
            name: "Panel".into(),
            kind: "touch screen",
            readable: true,
        };
        let locked = TouchDeviceInfo { readable: false, ..panel.clone() };
        let found = touch_findings(&[panel, locked]);
        assert_eq!((found[0].status, found[0].detail.as_str()), (Status::Ok, "Panel: touch screen"));
        assert_eq!(found[1].status, Status::Fail);
        assert!(found[1].remedy.as_ref().is_some_and(|r| r.contains("input")), "{found:?}");
        assert!(touch_findings(&[])[0].detail.contains("script:FILE"));
    }
}

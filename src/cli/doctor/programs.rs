//! Programs that run beside this one: whether they are installed, where something needs them.

use crate::board::Machine;
use crate::capture::rpicam_program;
use crate::process;

use super::{Finding, Status};

/// ffmpeg, and on a Raspberry Pi the program that reads its cameras.
pub fn findings(machine: &Machine) -> Vec<Finding> {
    let mut findings = vec![ffmpeg(process::find("ffmpeg").is_some() && process::find("ffprobe").is_some())];
    if machine.firmware.is_some() {
        findings.push(rpicam(rpicam_program()));
    }
    findings
}

fn ffmpeg(is_installed: bool) -> Finding {
    match is_installed {
        true => Finding::ok("ffmpeg", "installed: videos and network cameras can be read, videos written"),
        false => Finding::problem(
            Status::Warn,
            "ffmpeg",
            "not installed: no videos, no cameras by RTSP",
            "if you need them: sudo apt install ffmpeg",
        ),
    }
}

fn rpicam(installed: Option<&str>) -> Finding {
    match installed {
        Some(name) => {
            Finding::ok("rpicam", format!("{name} is installed: cameras on the board's own connectors can be read"))
        }
        None => Finding::problem(
            Status::Warn,
            "rpicam",
            "not installed: cameras on the board's own connectors cannot be read",
            "sudo apt install rpicam-apps-lite",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_its_remedy() {
        assert!(ffmpeg(true).remedy.is_none() && rpicam(Some("rpicam-vid")).remedy.is_none());
        assert!(ffmpeg(false).remedy.is_some_and(|r| r.contains("ffmpeg")));
        assert!(rpicam(None).remedy.is_some_and(|r| r.contains("rpicam-apps")));
    }
}

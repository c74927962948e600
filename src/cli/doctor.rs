//! `foveate doctor`: what this machine has, what works, and what to do about the rest.

mod gpu;
mod health;
mod policy;
mod programs;
mod touch;

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use crate::address::Table;
use crate::board::{Detection, Machine, detect};
use crate::capture::{CameraInfo, Choice, FormatOffer, Rates, SOURCES, list_cameras};
use crate::error::Error;
use crate::input::{PROMPTS, TouchDeviceInfo, list_touch_devices};
use crate::model::{FileState, Installed, MODELS_VARIABLE, Registry};
use crate::sink::SINKS;

/// Show what this machine has, what works, and what to do about the rest.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

/// How a finding stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// Works, but not as well as it could.
    Warn,
    /// Does not work.
    Fail,
}

/// One matter that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub status: Status,
    /// What it is about: `board`, `cores`, `camera v4l:/dev/video0`.
    pub subject: String,
    pub detail: String,
    /// What to do; `None` when all is well.
    pub remedy: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(subject: impl Into<String>, detail: impl Into<String>) -> Self {
        Finding { status: Status::Ok, subject: subject.into(), detail: detail.into(), remedy: None }
    }

    /// Not well, and what to do.
    pub fn problem(
        status: Status,
        subject: impl Into<String>,
        detail: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { status, subject: subject.into(), detail: detail.into(), remedy: Some(remedy.into()) }
    }
}

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    version: &'static str,
    board: &'a str,
    machine: &'a Machine,
    cameras: &'a [CameraInfo],
    inputs: &'a [TouchDeviceInfo],
    findings: &'a [Finding],
}

/// Looks at everything and prints it. Warnings and failures are findings, not errors.
///
/// # Errors
/// Only if the report cannot be written.
pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    let root = Path::new("/");
    let detection = detect(root)?;
    let machine = Machine::read(root);
    let cameras = list_cameras(&detection.board.source_options())?;

    let mut findings = vec![board_finding(&detection)];
    findings.extend(machine_findings(&machine));
    findings.push(gpu::finding(crate::engine::gpu()));
    findings.extend(health::findings(&machine, &detection.board));
    findings.extend(policy::findings(&detection.board, root));
    findings.extend(model_findings(Registry::discover(None)));
    findings.extend([address_finding(&SOURCES), address_finding(&PROMPTS), address_finding(&SINKS)]);
    findings.extend(camera_findings(&cameras));
    findings.extend(programs::findings(&machine));
    let inputs = list_touch_devices();
    findings.extend(touch::touch_findings(&inputs));

    let report = Report {
        version: env!("CARGO_PKG_VERSION"),
        board: &detection.board.name,
        machine: &machine,
        cameras: &cameras,
        inputs: &inputs,
        findings: &findings,
    };
    let mut out = io::stdout().lock();
    if args.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write_text(&mut out, &findings)?;
    }
    Ok(())
}

fn write_text(out: &mut impl Write, findings: &[Finding]) -> io::Result<()> {
    let width = findings.iter().map(|f| f.subject.chars().count()).max().unwrap_or(0);
    for f in findings {
        let mark = match f.status {
            Status::Ok => "ok  ",
            Status::Warn => "warn",
            Status::Fail => "FAIL",
        };
        let mut lines = f.detail.lines();
        writeln!(out, "{mark}  {:width$}  {}", f.subject, lines.next().unwrap_or_default())?;
        for line in lines {
            writeln!(out, "{:1$}{line}", "", 6 + width + 2)?;
        }
        if let Some(remedy) = &f.remedy {
            writeln!(out, "{:1$}-> {remedy}", "", 6 + width + 2)?;
        }
    }
    Ok(())
}

fn board_finding(detection: &Detection) -> Finding {
    let mut detail = format!("{} ({})", detection.board.name, detection.evidence);
    if let Some(model) = detection.model.as_ref().filter(|model| !detection.evidence.contains(model.as_str())) {
        detail.push_str(&format!(", {model}"));
    }
    // A device tree that no profile knows: the machine is a board, and its cores and camera are left to chance.
    if detection.board.name.starts_with("generic-") && !detection.compatible.is_empty() && !detection.is_virtual() {
        let remedy = "write a profile for this board (docs/adding-a-board.md) and pass it with --board FILE.toml";
        return Finding::problem(
            Status::Warn,
            "board",
            format!("{detail}: {}", detection.compatible.join(", ")),
            remedy,
        );
    }
    Finding::ok("board", detail)
}

fn machine_findings(machine: &Machine) -> Vec<Finding> {
    /// Less free memory than the bundled model and its frames need with room to spare.
    const MIN_FREE_MIB: u64 = 512;

    let cpu = machine.cpu.as_deref().unwrap_or(machine.arch);
    let mut findings = vec![Finding::ok("cores", format!("{} usable, {cpu}", machine.cores))];

    let sets = machine.instruction_sets.join(" ");
    let fast = ["avx2", "neon"].iter().any(|set| machine.instruction_sets.contains(set));
    findings.push(if fast {
        Finding::ok("instruction sets", sets)
    } else {
        let detail = if sets.is_empty() { "none that the kernels use".into() } else { sets };
        Finding::problem(
            Status::Warn,
            "instruction sets",
            detail,
            "frames will take long: use a machine with AVX2 or NEON, or a smaller model",
        )
    });

    if let (Some(total), Some(free)) = (machine.memory_total_mib, machine.memory_available_mib) {
        let detail = format!("{free} MiB free of {total} MiB");
        findings.push(if free >= MIN_FREE_MIB {
            Finding::ok("memory", detail)
        } else {
            Finding::problem(Status::Warn, "memory", detail, "close other programs or choose a smaller model")
        });
    }
    findings
}

fn model_findings(registry: Result<Registry, Error>) -> Vec<Finding> {
    let fail = |subject: &str, detail: String| {
        let remedy = "fetch the files again, and compare them with `foveate models verify`";
        Finding::problem(Status::Fail, subject, detail, remedy)
    };
    let registry = match registry {
        Ok(registry) => registry,
        Err(error) => return vec![fail("models", error.to_string())],
    };
    if registry.list().is_empty() {
        let looked: Vec<_> = registry.searched().iter().map(|d| d.display().to_string()).collect();
        let remedy = format!("start foveate where its models folder is, or name that folder in {MODELS_VARIABLE}");
        let detail = format!("none in {}", looked.join(", "));
        return vec![Finding::problem(Status::Fail, "models", detail, remedy)];
    }
    let model = |installed: &Installed| {
        let subject = format!("model {}", installed.spec.name);
        let files = match installed.verify() {
            Ok(files) => files,
            Err(error) => return fail(&subject, error.to_string()),
        };
        match files.iter().find(|file| file.state != FileState::Intact) {
            Some(file) => {
                let state = if file.state == FileState::Missing { "missing" } else { "altered" };
                fail(&subject, format!("{} is {state}", file.path.display()))
            }
            None => Finding::ok(subject, format!("{} files in {}, intact", files.len(), installed.location)),
        }
    };
    registry.list().iter().map(model).collect()
}

/// The addresses that this build takes, and what others would take.
fn address_finding<A>(table: &Table<A>) -> Finding {
    let mut detail = table.forms().to_owned();
    for row in table.missing() {
        detail.push_str(&format!("\nnot in this build: {} takes {}", row.forms.join(", "), row.needs));
    }
    Finding::ok(format!("{}s", table.what()), detail)
}

fn camera_findings(cameras: &[CameraInfo]) -> Vec<Finding> {
    if cameras.is_empty() {
        let detail = format!("none found; sources of this build: {}", SOURCES.forms());
        let remedy = "plug in a camera, or use --source scene or --source files:DIR";
        return vec![Finding::problem(Status::Warn, "cameras", detail, remedy)];
    }
    cameras.iter().map(camera_finding).collect()
}

fn camera_finding(camera: &CameraInfo) -> Finding {
    let subject = format!("camera {}", camera.address);
    if let Some(problem) = &camera.problem {
        return Finding::problem(Status::Fail, subject, named(camera, &problem.reason), problem.remedy);
    }
    match &camera.choice {
        Some(choice) => {
            let mut detail = named(camera, &format!("would stream {}", describe_choice(choice)));
            for offer in &camera.formats {
                detail.push_str(&format!("\n{}", describe_offer(offer)));
            }
            Finding::ok(subject, detail)
        }
        None => Finding::problem(
            Status::Fail,
            subject,
            named(camera, "offers no format that can be read"),
            "use another camera",
        ),
    }
}

fn named(camera: &CameraInfo, detail: &str) -> String {
    match (camera.name.is_empty(), camera.bus.is_empty()) {
        (true, _) => detail.to_owned(),
        (false, true) => format!("{}: {detail}", camera.name),
        (false, false) => format!("{} ({}): {detail}", camera.name, camera.bus),
    }
}

fn describe_choice(choice: &Choice) -> String {
    let rate = choice.rate.map_or("unstated rate".to_owned(), |r| format!("{} fps", number(r)));
    format!("{} {}x{} at {rate}", choice.format, choice.size.width, choice.size.height)
}

fn describe_offer(offer: &FormatOffer) -> String {
    let rates = match &offer.rates {
        Rates::List(list) if list.is_empty() => "rate not stated".into(),
        Rates::List(list) => format!("{} fps", list.iter().map(|r| number(*r)).collect::<Vec<_>>().join(", ")),
        Rates::Range { lowest, highest } => format!("{} to {} fps", number(*lowest), number(*highest)),
    };
    format!("{} {}x{}: {rates}", offer.format, offer.size.width, offer.size.height)
}

/// At most two decimals, none if it is whole.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Board;
    use crate::error::DeviceError;
    use crate::frame::PixelFormat;
    use crate::geometry::Size;

    fn camera() -> CameraInfo {
        let (format, size) = (PixelFormat::Yuyv, Size::new(640, 480));
        CameraInfo {
            address: "v4l:/dev/video0".into(),
            name: "Webcam".into(),
            bus: "usb-1".into(),
            formats: vec![FormatOffer { format, size, rates: Rates::List(vec![30.0, 29.97]) }],
            choice: Some(Choice { format, size, rate: Some(30.0), cost_ms: 0.5 }),
            problem: None,
        }
    }

    #[test]
    fn a_camera_shows_its_formats_and_the_choice() {
        let finding = camera_finding(&camera());
        assert_eq!(finding.status, Status::Ok);
        assert_eq!(finding.detail, "Webcam (usb-1): would stream yuyv 640x480 at 30 fps\nyuyv 640x480: 30, 29.97 fps");
    }

    #[test]
    fn every_problem_has_a_remedy() {
        let device = || "/dev/video0".to_owned();
        for error in [
            DeviceError::Permission { device: device() },
            DeviceError::Busy { device: device() },
            DeviceError::Unsupported { device: device(), reason: "a multi-planar device".into() },
        ] {
            let finding = camera_finding(&CameraInfo { problem: Some(error.into()), ..camera() });
            assert_eq!(finding.status, Status::Fail);
            assert!(finding.remedy.as_ref().is_some_and(|r| !r.contains("doctor")), "{finding:?}");
        }
        let none = camera_finding(&CameraInfo { choice: None, formats: Vec::new(), ..camera() });
        assert!(none.remedy.is_some());
        assert!(camera_findings(&[])[0].remedy.is_some());
    }

    #[test]
    fn an_altered_model_is_a_failure() {
        let here = Registry::from_dirs(&[concat!(env!("CARGO_MANIFEST_DIR"), "/models").into()]).unwrap();
        assert_eq!(model_findings(Ok(here))[0].status, Status::Ok);
        let dir = tempfile::tempdir().unwrap();
        let manifest = include_str!("../../models/manifest.toml");
        std::fs::write(dir.path().join("manifest.toml"), manifest).unwrap();
        std::fs::write(dir.path().join("foveate-encoder.onnx"), "other").unwrap();
        let found = model_findings(Registry::from_dirs(&[dir.path().into()]));
        assert_eq!((found[0].status, found[0].subject.as_str()), (Status::Fail, "model foveate"));
        assert_eq!(model_findings(Ok(Registry::default()))[0].status, Status::Fail);
    }

    #[test]
    fn addresses_of_this_build_and_of_others_are_listed() {
        let sources = address_finding(&SOURCES);
        assert_eq!((sources.status, sources.subject.as_str()), (Status::Ok, "sources"));
        assert!(sources.detail.contains("files:DIR, scene[:SEED]"), "{}", sources.detail);
        let without = !cfg!(feature = "nokhwa-linux") && cfg!(target_os = "linux");
        assert_eq!(sources.detail.contains("not in this build: nokhwa:INDEX takes feature `camera`"), without);
    }

    #[test]
    fn an_unknown_board_is_a_warning_and_a_pc_is_not() {
        let board = Board::bundled("generic-aarch64").unwrap();
        let known = Detection { board, evidence: "architecture: aarch64".into(), compatible: Vec::new(), model: None };
        assert_eq!(board_finding(&known).status, Status::Ok);
        let emulated = Detection { compatible: vec!["linux,dummy-virt".into()], ..known.clone() };
        assert_eq!(board_finding(&emulated).status, Status::Ok);
        let unknown = Detection { compatible: vec!["acme,board".into()], ..known };
        assert_eq!(board_finding(&unknown).status, Status::Warn);
    }

    #[test]
    fn the_text_is_aligned_and_carries_the_remedies() {
        let findings = [Finding::ok("board", "a\nb"), Finding::problem(Status::Warn, "cameras", "none", "plug one in")];
        let mut out = Vec::new();
        write_text(&mut out, &findings).unwrap();
        let expected = "ok    board    a\n               b\nwarn  cameras  none\n               -> plug one in\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn this_machine_can_be_examined() {
        run(&DoctorArgs { json: true }).unwrap();
    }
}

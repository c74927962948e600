//! `foveate run` as a child process, watched through the records that it writes.

use std::fs::{self, File};
use std::process::{Child, Command, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::screen::{HEIGHT, Virtual, WIDTH, finger, lift};

/// Longest wait for anything; an emulated core takes seconds for a frame.
const PATIENCE: Duration = Duration::from_secs(240);
const RECORDS: &str = "frames.ndjson";
const SUMMARY: &str = "summary.json";
/// Where the screen is tapped, in parts of its sides: on the square of a frame that is letterboxed on it.
const TAP: [f64; 2] = [0.4, 0.4];

pub struct Stream {
    screen: Virtual,
    child: Child,
    started: Instant,
}

impl Stream {
    /// Starts `foveate run` on `camera` with `arguments` beside those that this program needs.
    pub fn start(foveate: &str, camera: &str, arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let summary = File::create(SUMMARY).map_err(|e| format!("{SUMMARY}: {e}"))?;
        let screen = Virtual::screen("test screen")?;
        let child = Command::new(foveate)
            .args(["run", "--json", "--source", &format!("v4l:{camera}"), "--prompt", &screen.address()])
            .args(["--sink", &format!("ndjson:{RECORDS}"), "--sink", "overlay:overlay?every=10"])
            .args(arguments)
            .stdout(summary)
            .spawn()
            .map_err(|e| format!("{foveate}: {e}"))?;
        Ok(Stream { screen, child, started: Instant::now() })
    }

    /// Waits for the first record of a frame.
    pub fn first_frame(&mut self) -> Result<Value, String> {
        self.wait("a frame", |frames| !frames.is_empty())?;
        Ok(json!({"after_s": self.elapsed_s()}))
    }

    /// Touches the screen and lifts the finger.
    pub fn tap(&mut self) -> Result<Value, String> {
        let [x, y] = [(WIDTH, TAP[0]), (HEIGHT, TAP[1])].map(|(side, part)| (f64::from(side) * part) as i32);
        self.screen.report(&finger(0, 1, x, y))?;
        sleep(Duration::from_millis(80));
        self.screen.report(&lift(0))?;
        Ok(json!({"at": TAP, "at_s": self.elapsed_s()}))
    }

    /// Waits until `count` frames carry a mask.
    pub fn frames_with_object(&mut self, count: usize) -> Result<Value, String> {
        let has_mask =
            |frame: &Value| frame["objects"].as_array().is_some_and(|o| o.iter().any(|o| !o["rle"].is_null()));
        self.wait("frames with a mask", |frames| frames.iter().filter(|f| has_mask(f)).count() >= count)?;
        Ok(json!({"frames": count, "after_s": self.elapsed_s()}))
    }

    /// Presses Ctrl-C and waits for the end.
    pub fn interrupt(&mut self) -> Result<Value, String> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-INT", &pid]).status().map_err(|e| format!("kill: {e}"))?;
        if !sent.success() {
            return Err(format!("kill ended with {sent}"));
        }
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.ended()? {
                let took = start.elapsed().as_millis() as u64;
                return if status.success() {
                    Ok(json!({"took_ms": took}))
                } else {
                    Err(format!("foveate ended with {status}"))
                };
            }
            sleep(Duration::from_millis(50));
        }
        Err(format!("foveate did not end within {} s of the interrupt", PATIENCE.as_secs()))
    }

    fn elapsed_s(&self) -> u64 {
        self.started.elapsed().as_secs()
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|e| format!("foveate: {e}"))
    }

    fn wait(&mut self, what: &str, enough: impl Fn(&[Value]) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            // A line that is being written is no JSON yet, and comes with the next poll.
            let text = fs::read_to_string(RECORDS).unwrap_or_default();
            let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let frames: Vec<_> = records.filter(|r| r["type"] == "frame").collect();
            if enough(&frames) {
                return Ok(());
            }
            if let Some(status) = self.ended()? {
                return Err(format!(
                    "foveate ended with {status} while {what} were awaited, after {} frames",
                    frames.len()
                ));
            }
            sleep(Duration::from_millis(500));
        }
        Err(format!("{what} did not come within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
        }
    }
}

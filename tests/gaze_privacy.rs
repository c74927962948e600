//! Where a user looks leaves the program only where somebody asked for it. Every sink that the program knows is tried, so that
//! a new one is held to it too.

#[allow(dead_code)]
mod common;
#[allow(dead_code)]
#[path = "common/ends.rs"]
mod ends;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{FRAME, GeometryDecoder, SteadySource};
use ends::GeometryEncoder;
use foveate::Result;
use foveate::geometry::{Intrinsics, Point};
use foveate::input::GazeSource;
use foveate::pipeline::{Pipeline, PipelineConfig};
use foveate::record::FrameRecord;
use foveate::select::GazeSample;
use foveate::select::gaze::{DwellConfig, DwellSelector};
use foveate::sink::{OpenedSink, SINKS, Sink, SinkAddress};
use foveate::time::Timestamp;
use image::codecs::gif::GifDecoder;
use image::{AnimationDecoder, DynamicImage};

/// Where the gaze rests. Its digits are found nowhere else, and it lies far from every label that overlays draw.
const GAZE: Point = Point { x: 91.375, y: 27.625 };

/// Looks at one point for ever, and is hidden too long and too often to select anything.
struct Staring(u64);

impl GazeSource for Staring {
    fn poll(&mut self, origin: Timestamp, until: Timestamp, out: &mut Vec<GazeSample>) {
        loop {
            let at = origin + Duration::from_millis(10 * self.0);
            if at > until {
                return;
            }
            let confidence = if self.0 % 35 >= 10 { 0.0 } else { 1.0 };
            out.push(GazeSample { at, point: GAZE, confidence });
            self.0 += 1;
        }
    }
}

/// Runs a stream with gaze into the sinks.
fn stream(sinks: Vec<Box<dyn Sink>>) {
    let source = Box::new(SteadySource::new(50.0, 50));
    let encoder = Box::new(GeometryEncoder { cost: Duration::ZERO });
    let camera = Intrinsics::from_horizontal_fov(60.0, FRAME.width, FRAME.height);
    let selector = DwellSelector::new(DwellConfig::default(), camera);
    let mut config = PipelineConfig::default();
    // No record is dropped for a sink that starts slowly: one that tells must be seen to tell.
    config.sink_queue = 64;
    let pipeline = Pipeline::new(source, encoder, Box::new(GeometryDecoder), "geometry").config(config);
    let pipeline = pipeline.gaze(Box::new(Staring(0)), selector);
    let pipeline = sinks.into_iter().fold(pipeline, Pipeline::sink);
    pipeline.start().unwrap().wait(|_| {}).unwrap();
}

/// Every form of every sink that writes into files, as an address with a place below `dir`. A video takes ffmpeg: `make test-cameras`
/// runs this where it is installed.
fn addresses(dir: &Path) -> Vec<(String, PathBuf)> {
    let no_video = foveate::process::find("ffmpeg").is_none();
    let rows = SINKS.rows().iter().filter(|row| row.parse.is_some() && !(no_video && row.scheme == "video"));
    let forms = rows.flat_map(|row| row.forms.iter().map(move |form| (row.scheme, *form)));
    let is_file = |form: &str| ["PATH", "DIR", "FILE"].iter().any(|place| form.contains(place)) && !form.contains("//");
    let written = forms.filter(|(_, form)| is_file(form));
    let placed = written.map(|(scheme, _)| {
        let place = dir.join(if scheme == "video" { "video.gif" } else { scheme });
        (format!("{scheme}:{}", place.display()), place)
    });
    placed.collect()
}

fn open(address: &str) -> Box<dyn Sink> {
    match address.parse::<SinkAddress>().unwrap().open().unwrap() {
        OpenedSink::Sink(sink) => sink,
        OpenedSink::Page => panic!("{address} is the page"),
    }
}

/// The files that a sink wrote.
fn files(place: &Path) -> Vec<PathBuf> {
    match std::fs::read_dir(place) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![place.to_owned()],
    }
}

/// Whether a file says where the gaze was: as a ring on a picture, in words, or as a number of any width.
fn tells_gaze(file: &Path) -> bool {
    let pictures: Vec<DynamicImage> = match file.extension().is_some_and(|extension| extension == "gif") {
        true => {
            let frames = GifDecoder::new(BufReader::new(File::open(file).unwrap())).unwrap().into_frames();
            frames.map(|frame| frame.unwrap().into_buffer().into()).collect()
        }
        false => image::open(file).into_iter().collect(),
    };
    if !pictures.is_empty() {
        let near = |v: f32, d: i32| (v as i32 + d) as u32;
        return pictures.iter().map(DynamicImage::to_luma8).any(|picture| {
            let mut pixels = (-20..20).flat_map(|y| (-20..20).map(move |x| (near(GAZE.x, x), near(GAZE.y, y))));
            pixels.any(|(x, y)| picture.get_pixel(x, y).0[0].abs_diff(128) > 8)
        });
    }
    let bytes = std::fs::read(file).unwrap();
    let holds = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    [GAZE.x, GAZE.y].into_iter().any(|v| {
        let wide = f64::from(v);
        holds(v.to_string().as_bytes())
            || holds(&v.to_le_bytes())
            || holds(&v.to_be_bytes())
            || holds(&wide.to_le_bytes())
            || holds(&wide.to_be_bytes())
    })
}

#[test]
fn no_sink_tells_where_a_user_looks_unless_its_address_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let private = addresses(&dir.path().join("private"));
    let shared = addresses(&dir.path().join("shared"));
    assert!(private.len() >= 2, "{private:?}");
    std::fs::create_dir(dir.path().join("private")).unwrap();
    std::fs::create_dir(dir.path().join("shared")).unwrap();
    // All of them in one stream: what one sink may know, the next one must not.
    let sinks = private.iter().map(|(address, _)| open(address));
    let open_sinks = shared.iter().map(|(address, _)| open(&format!("{address}?share_gaze=true")));
    stream(sinks.chain(open_sinks).collect());
    for (address, place) in &private {
        let files = files(place);
        assert!(!files.is_empty(), "{address} wrote nothing");
        for file in files {
            assert!(!tells_gaze(&file), "{address} tells where the user looks: {}", file.display());
        }
    }
    for (address, place) in &shared {
        assert!(files(place).iter().any(|file| tells_gaze(file)), "{address} does not share gaze though it is told to");
    }
}

#[test]
fn every_sink_keeps_gaze_to_itself_by_default() {
    for address in ["ndjson:-", "ndjson:-?share_gaze=false"] {
        assert!(!open(address).shares_gaze(), "{address}");
    }
    assert!(open("ndjson:-?share_gaze=true").shares_gaze());
    if foveate::process::find("ffmpeg").is_some() {
        assert!(!open("rtsp://127.0.0.1:1/live").shares_gaze());
        assert!(open("rtsp://127.0.0.1:1/live?share_gaze=true").shares_gaze());
    }
    #[cfg(feature = "console")]
    {
        use foveate::console::{Console, ConsoleOptions};
        use foveate::time::MonotonicClock;

        for share_gaze in [false, true] {
            let mut options = ConsoleOptions::default();
            (options.listen, options.share_gaze) = ("127.0.0.1:0".parse().unwrap(), share_gaze);
            let console = Console::start(options, Arc::new(MonotonicClock)).unwrap();
            assert_eq!(console.sink().shares_gaze(), share_gaze);
        }
    }
}

/// A sink of somebody else's, which remembers the gaze of the records that it is given.
struct Curious {
    shares: bool,
    seen: Arc<Mutex<Vec<Option<Point>>>>,
}

impl Sink for Curious {
    fn name(&self) -> &str {
        "curious"
    }

    fn shares_gaze(&self) -> bool {
        self.shares
    }

    fn frame(&mut self, record: &FrameRecord) -> Result<()> {
        assert!(record.frame.is_some());
        assert!(record.gaze.is_some() || record.dwell.is_none(), "a dwell tells too");
        self.seen.lock().unwrap().push(record.gaze);
        Ok(())
    }
}

#[test]
fn a_record_holds_gaze_only_for_sinks_that_share_it() {
    let seen: [Arc<Mutex<Vec<Option<Point>>>>; 3] = Default::default();
    let sink = |n: usize| Box::new(Curious { shares: n == 1, seen: Arc::clone(&seen[n]) }) as Box<dyn Sink>;
    stream((0..3).map(sink).collect());
    for (n, seen) in seen.iter().enumerate() {
        let seen = seen.lock().unwrap();
        assert!(!seen.is_empty());
        match n {
            1 => assert!(seen.contains(&Some(GAZE))),
            _ => assert!(seen.iter().all(Option::is_none), "{n}"),
        }
    }
}

//! GStreamer pipelines: formats, times, faults, and what they are used for: network cameras that go away, files.

use std::sync::Arc;
use std::time::Duration;

use foveate::Result;
use foveate::capture::{Source, SourceAddress, SourceEvent, SourceOptions, Step};
use foveate::frame::{Frame, PixelFormat};
use foveate::geometry::Size;
use foveate::time::MonotonicClock;

use super::clips::ffmpeg;
use super::live::{run, run_while_the_server_goes_away};
use super::program::Sandbox;

#[test]
#[ignore = "make test-cameras"]
fn a_network_camera_that_goes_away_is_found_again() {
    let decode = "rtph264depay ! avdec_h264 ! videoconvert";
    run_while_the_server_goes_away(|port| {
        format!("gst:rtspsrc location=rtsp://127.0.0.1:{port}/live latency=0 protocols=tcp ! {decode}")
    });
}

#[test]
#[ignore = "make test-cameras"]
fn a_file_is_played_to_its_end() {
    let sandbox = Sandbox::new();
    ffmpeg(sandbox.path(), "-f lavfi -i testsrc2=size=320x240:rate=30:duration=2 -c:v mjpeg clip.avi");
    let source = format!("gst:filesrc location={}/clip.avi ! avidemux", sandbox.path().display());
    let ran = run(&source, "20", &[]);
    // It plays at its own pace, also while the model loads: how many frames are left says how busy the machine is.
    assert!(ran.output.status.success() && ran.frames().len() > 10, "{}", ran.describe());
    assert!(ran.of_kind("source_lost").next().is_none(), "{}", ran.describe());
}

fn opened(pipeline: &str) -> Result<Box<dyn Source>> {
    let address: SourceAddress = format!("gst:{pipeline}").parse().unwrap();
    address.open(&SourceOptions::default(), Arc::new(MonotonicClock))
}

/// The next frames, at most `count`, and how many were asked for until the end.
fn frames(source: &mut dyn Source, count: usize) -> Vec<Frame> {
    let (mut found, mut frame) = (Vec::new(), Frame::default());
    for _ in 0..400 {
        match source.next_frame(&mut frame, Duration::from_millis(100)).unwrap() {
            Step::Frame => {
                frame.check().unwrap();
                found.push(frame.clone());
                if found.len() == count {
                    break;
                }
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    found
}

#[test]
#[ignore = "make test-cameras"]
fn every_format_that_is_read_is_taken_as_it_comes() {
    let rows = [
        ("NV12", PixelFormat::Nv12),
        ("I420", PixelFormat::I420),
        ("YUY2", PixelFormat::Yuyv),
        ("RGB", PixelFormat::Rgb24),
        ("GRAY8", PixelFormat::Grey),
    ];
    for (name, format) in rows {
        for (width, height) in [(64, 48), (61, 35)] {
            let caps = format!("video/x-raw,format={name},width={width},height={height},framerate=50/1");
            let mut source = opened(&format!("videotestsrc is-live=true pattern=red ! {caps}")).unwrap();
            assert_eq!((source.info().format, source.info().rate), (format, Some(50.0)), "{name}");
            let found = frames(source.as_mut(), 2);
            let mut rgb = Vec::new();
            foveate::frame::to_rgb(&found[1], &mut rgb).unwrap();
            let middle = (height / 2 * width + width / 2) as usize * 3;
            let expected = if format == PixelFormat::Grey { [81u8; 3] } else { [255, 0, 0] };
            let far = rgb[middle..middle + 3].iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
            assert!(found[1].size == Size::new(width, height) && far <= 8, "{name}: {:?}", &rgb[middle..middle + 3]);
        }
    }
}

#[test]
#[ignore = "make test-cameras"]
fn the_cheapest_format_is_negotiated_and_times_are_those_of_the_pictures() {
    let mut source = opened("videotestsrc is-live=true ! videoconvert").unwrap();
    assert_eq!(source.info().format, PixelFormat::Nv12);
    let found = frames(source.as_mut(), 8);
    let steps: Vec<f64> = found.windows(2).map(|w| w[1].captured_at.since(w[0].captured_at).as_secs_f64()).collect();
    // Whole frame times, however late they were looked at.
    assert!(steps.iter().all(|step| (step * 30.0 - (step * 30.0).round()).abs() < 0.05 && *step > 0.0), "{steps:?}");
}

#[test]
#[ignore = "make test-cameras"]
fn a_pipeline_that_ends_ends_the_stream_at_its_own_pace() {
    let mut source = opened("videotestsrc num-buffers=10 ! video/x-raw,width=32,height=32,framerate=20/1").unwrap();
    let began = std::time::Instant::now();
    let found = frames(source.as_mut(), 100);
    assert!(
        found.len() >= 8 && began.elapsed() > Duration::from_millis(300),
        "{} in {:?}",
        found.len(),
        began.elapsed()
    );
    assert_eq!(source.next_frame(&mut Frame::default(), Duration::ZERO).unwrap(), Step::End);
}

#[test]
#[ignore = "make test-cameras"]
fn jpeg_images_are_frames() {
    let mut source = opened("videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! jpegenc").unwrap();
    let found = frames(source.as_mut(), 1);
    assert_eq!((found[0].format, found[0].size), (PixelFormat::Mjpeg, Size::new(64, 48)));
}

/// Frames after those by which a pipeline's pool is tried out, all held at once; the source is gone then.
fn held(pipeline: &str, count: usize) -> (Vec<Frame>, Vec<String>) {
    let mut source = opened(pipeline).unwrap();
    let (mut kept, mut lost) = (std::collections::VecDeque::new(), Vec::new());
    for _ in 0..4 {
        kept.extend(frames(source.as_mut(), 25));
        // As many as a stream holds.
        let over = kept.len().saturating_sub(count);
        kept.drain(..over);
        while let Some(event) = source.take_event() {
            lost.extend(if let SourceEvent::Lost { reason, .. } = event { Some(reason) } else { None });
        }
    }
    (kept.into(), lost)
}

#[test]
#[ignore = "make test-cameras"]
fn pictures_are_read_where_they_lie_and_stay_when_the_pipeline_is_gone() {
    let rows = [
        ("NV12", 64, 48, true),
        ("I420", 640, 480, true),
        ("I420", 854, 480, true),
        ("YUY2", 62, 35, true),
        ("RGB", 61, 35, true),
        // Colour begins at an even row, where a frame of an odd height does not have it.
        ("NV12", 62, 35, false),
    ];
    println!("{:6} {:>9} {:>10} {:>10}", "format", "size", "bytes", "copied");
    for (name, width, height, is_lent) in rows {
        let caps = format!("video/x-raw,format={name},width={width},height={height},framerate=100/1");
        let (found, lost) = held(&format!("videotestsrc is-live=true pattern=red ! {caps}"), 20);
        let Frame { data, copied_bytes, .. } = &found[0];
        println!("{name:6} {:>9} {:>10} {copied_bytes:>10}", format!("{width}x{height}"), data.len());
        assert!(lost.is_empty() && found.len() == 20, "{name} {width}x{height}: {} {lost:?}", found.len());
        for frame in &found {
            assert_eq!((frame.data.is_lent(), frame.copied_bytes == 0), (is_lent, is_lent), "{name} {width}x{height}");
            let mut rgb = Vec::new();
            foveate::frame::to_rgb(frame, &mut rgb).unwrap();
            let far = rgb.chunks(3).flat_map(|p| p.iter().zip([255u8, 0, 0]).map(|(a, b)| a.abs_diff(b))).max();
            assert!(far <= Some(8), "{name} {width}x{height}: off by {far:?}");
        }
    }
}

#[test]
#[ignore = "make test-cameras"]
fn a_pipeline_with_few_pictures_to_spare_does_not_stand_still() {
    use gstreamer::prelude::*;

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("pictures").display().to_string();
    let caps = "video/x-raw,format=NV12,width=64,height=48,framerate=100/1";
    gstreamer::init().unwrap();
    // Shared memory that holds ten pictures at a time.
    let shared = 10 * 64 * 48 * 3 / 2;
    // The pictures are copied there: the source itself would break for want of memory.
    let copied = format!("identity drop-allocation=true ! shmsink socket-path={socket} shm-size={shared}");
    let server = format!("videotestsrc is-live=true ! {caps} ! {copied}");
    let server = gstreamer::parse::launch(&server).unwrap();
    server.set_state(gstreamer::State::Playing).unwrap();
    let (found, lost) = held(&format!("shmsrc socket-path={socket} is-live=true do-timestamp=true ! {caps}"), 20);
    server.set_state(gstreamer::State::Null).unwrap();
    assert!(lost.is_empty() && found.len() == 20, "{} {lost:?}", found.len());
    assert!(found.iter().all(|frame| !frame.data.is_lent() && frame.copied_bytes == 64 * 48 * 3 / 2));
}

#[test]
#[ignore = "make test-cameras"]
fn a_pipeline_that_breaks_is_played_again() {
    let mut source =
        opened("videotestsrc is-live=true ! video/x-raw,width=32,height=32 ! identity error-after=5").unwrap();
    assert!(frames(source.as_mut(), 9).len() == 9);
    let Some(SourceEvent::Lost { reason, .. }) = source.take_event() else { panic!("no loss") };
    assert!(reason.contains("identity"), "{reason}");
}

#[test]
#[ignore = "make test-cameras"]
fn pipelines_that_do_not_play_say_why() {
    let rows = [
        ("nosuchelement", "nosuchelement"),
        ("videotestsrc ! fakesink", "no such pipeline"),
        ("filesrc location=/no/such/file ! decodebin", "filesrc0"),
        ("videotestsrc ! video/x-raw,format=RGBA", ""),
        ("videotestsrc num-buffers=0", "without a picture"),
    ];
    for (pipeline, expected) in rows {
        let error = opened(pipeline).err().unwrap().to_string();
        assert!(error.starts_with("gst:") && error.contains(expected), "{pipeline}: {error}");
    }
    assert!("gst: ! ".parse::<SourceAddress>().is_err() && "csi:front".parse::<SourceAddress>().is_err());
    let csi: SourceAddress = "csi:1".parse().unwrap();
    let error = csi.open(&SourceOptions::default(), Arc::new(MonotonicClock)).err().unwrap().to_string();
    assert!(error.contains("nvarguscamerasrc"), "{error}");
}

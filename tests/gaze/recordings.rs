use std::fs;
use std::path::{Path, PathBuf};

use foveate::geometry::{Point, Size};
use foveate::input::{GazeRecording, GazeReplay, GazeSource, RecordingFormat};
use foveate::time::Timestamp;

/// Recordings that are not part of the project; the tests that need them are skipped where they are not there.
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/gaze").join(name);
    if !path.is_dir() {
        eprintln!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

fn ms(millis: f64) -> Timestamp {
    Timestamp::from_secs_f64(millis / 1e3)
}

fn refusal(path: &Path) -> String {
    GazeRecording::read(path).unwrap_err().to_string()
}

/// A Neon recording of one part: points every 5 ms, with one fixation and one blink.
struct Neon {
    folder: tempfile::TempDir,
}

impl Neon {
    const START: i64 = 1_760_676_790_000_000_000;

    fn new(points: &[[f32; 2]]) -> Self {
        let neon = Neon { folder: tempfile::tempdir().unwrap() };
        neon.write("gaze ps1.raw", points.iter().flatten().flat_map(|v| v.to_le_bytes()).collect());
        let times = (0..points.len() as i64).flat_map(|i| (Self::START + i * 5_000_000).to_le_bytes());
        neon.write("gaze ps1.time", times.collect());
        neon
    }

    fn write(&self, name: &str, bytes: Vec<u8>) {
        fs::write(self.folder.path().join(name), bytes).unwrap();
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn event(kind: i32, start_ms: i64, end_ms: i64, rest: &[f32]) -> Vec<u8> {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend((Self::START + start_ms * 1_000_000).to_le_bytes());
        bytes.extend((Self::START + end_ms * 1_000_000).to_le_bytes());
        bytes.extend(rest.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }
}

#[test]
fn neon_native() {
    let neon = Neon::new(&[[800.0, 600.0], [801.0, f32::NAN], [802.0, 602.0], [803.0, 603.0]]);
    neon.write("worn ps1.raw", vec![255, 255, 255, 0]);
    // A frame 20 ms before the first sample.
    neon.write("Neon Scene Camera v1 ps1.time", (Neon::START - 20_000_000).to_le_bytes().to_vec());
    let rest = [1.0, 2.0, 3.0, 4.0, 700.0, 500.0, 0.0, 0.0, 0.0, 0.0];
    let events = [Neon::event(0, 0, 5, &rest), Neon::event(1, 5, 15, &rest)];
    neon.write("fixations ps1.raw", events.concat());
    neon.write("blinks ps1.raw", Neon::event(4, 9, 11, &[]));

    let recording = GazeRecording::read(neon.path()).unwrap();
    assert_eq!(recording.format, RecordingFormat::NeonNative);
    assert_eq!((recording.size, recording.intrinsics), (Size::new(1600, 1200), None));
    assert_eq!(recording.frames, [Timestamp::ZERO]);
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point, s.confidence)).collect();
    let expected = [
        (ms(20.0), Point::new(800.0, 600.0), 1.0),
        // Not a number: the last known point, and no confidence.
        (ms(25.0), Point::new(800.0, 600.0), 0.0),
        // In the blink.
        (ms(30.0), Point::new(802.0, 602.0), 0.0),
        // Not worn.
        (ms(35.0), Point::new(803.0, 603.0), 0.0),
    ];
    assert_eq!(samples, expected);
    let [fixation] = recording.fixations[..] else { panic!("{:?}", recording.fixations) };
    assert_eq!((fixation.span.start, fixation.span.end), (ms(25.0), ms(35.0)));
    assert_eq!(fixation.point, Point::new(700.0, 500.0));
    let [blink] = recording.blinks[..] else { panic!("{:?}", recording.blinks) };
    assert_eq!((blink.start, blink.end), (ms(29.0), ms(31.0)));
}

#[test]
fn neon_in_several_parts_with_layouts_of_its_own() {
    let neon = Neon::new(&[[1.0, 2.0]]);
    neon.write("gaze.dtype", b"[(\"y\", \"float64\"), (\"extra\", \"uint8\"), (\"x\", \"float32\")]".to_vec());
    for (part, (x, y)) in [(10.0f32, 20.0f64), (30.0, 40.0)].into_iter().enumerate() {
        let record = [&y.to_le_bytes()[..], &[7], &x.to_le_bytes()].concat();
        neon.write(&format!("gaze ps{}.raw", part + 1), record);
        let at = Neon::START + part as i64 * 1_000_000_000;
        neon.write(&format!("gaze ps{}.time", part + 1), at.to_le_bytes().to_vec());
    }
    let recording = GazeRecording::read(neon.path()).unwrap();
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point)).collect();
    assert_eq!(samples, [(ms(0.0), Point::new(10.0, 20.0)), (ms(1000.0), Point::new(30.0, 40.0))]);
}

#[test]
fn damaged_neon_recordings_are_refused_by_file() {
    let with = |name: &str, bytes: Vec<u8>| {
        let neon = Neon::new(&[[1.0, 2.0], [3.0, 4.0]]);
        neon.write(name, bytes);
        refusal(neon.path())
    };
    let rows = [
        ("gaze ps1.raw", vec![0; 15], "truncated"),
        ("gaze ps1.raw", vec![0; 24], "`gaze ps1.raw` has 3"),
        ("gaze ps1.raw", vec![], "`gaze ps1.raw` has 0"),
        ("gaze ps1.time", vec![0; 9], "truncated"),
        ("gaze ps1.time", [i64::MIN, i64::MAX].iter().flat_map(|t| t.to_le_bytes()).collect(), "damaged"),
        ("gaze.dtype", b"nonsense".to_vec(), "gaze.dtype"),
        ("gaze.dtype", vec![0xff], "gaze.dtype"),
        ("gaze.dtype", b"[(\"x\", \"float32\")]".to_vec(), "`y`"),
    ];
    let wrong: Vec<String> = rows
        .into_iter()
        .map(|(name, bytes, expected)| (with(name, bytes), expected))
        .filter(|(text, expected)| !text.contains(expected))
        .map(|(text, expected)| format!("{expected}: {text}"))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let neon = Neon::new(&[[1.0, 2.0]]);
    fs::remove_file(neon.path().join("gaze ps1.time")).unwrap();
    assert!(refusal(neon.path()).contains("gaze ps1.time"));
}

/// What a recording says of itself beside its gaze.
fn notes(path: &Path) -> String {
    GazeRecording::read(path).unwrap_or_else(|e| panic!("{e}")).notes.join("; ")
}

#[test]
fn a_damaged_file_beside_neons_gaze_is_left_out_and_told() {
    let rows = [
        ("worn ps1.raw", vec![255], "worn ps1.raw"),
        ("fixations ps1.raw", vec![0; 61], "truncated"),
        ("blinks ps1.raw", vec![0; 19], "truncated"),
        ("calibration.bin", vec![1; 803], "checksum"),
        ("Neon Scene Camera v1 ps1.time", vec![0; 9], "truncated"),
        ("info.json", b"{".to_vec(), "info.json"),
    ];
    for (name, bytes, expected) in rows {
        let neon = Neon::new(&[[1.0, 2.0], [3.0, 4.0]]);
        neon.write(name, bytes);
        let told = notes(neon.path());
        assert!(told.contains(expected), "{name}: {told}");
        assert_eq!(GazeRecording::read(neon.path()).unwrap().samples.len(), 2, "{name}");
    }
}

#[test]
fn invisible_is_known_by_its_files_and_by_what_they_say() {
    let sized = |files: &[(&str, &[u8])]| {
        let recording = Neon::new(&[[816.0, 438.75], [816.0, 438.75]]);
        for (name, bytes) in files {
            recording.write(name, bytes.to_vec());
        }
        GazeRecording::read(recording.path()).map(|found| (found.format, found.size)).map_err(|e| e.to_string())
    };
    let invisible = Ok((RecordingFormat::InvisibleNative, Size::new(1088, 1080)));
    let neon = Ok((RecordingFormat::NeonNative, Size::new(1600, 1200)));
    let time = Neon::START.to_le_bytes();
    let of_invisible = b"\xef\xbb\xbf{\"data_format_version\":\"1.4\",\"glasses_serial_number\":\"xxxxx\"}";
    let of_neon = b"{\"data_format_version\":\"2.5\",\"module_serial_number\":\"578846\"}";
    assert_eq!(sized(&[("PI world v1 ps1.time", &time)]), invisible);
    assert_eq!(sized(&[("PI world v1 ps1.mp4", b"")]), invisible);
    assert_eq!(sized(&[("info.json", of_invisible)]), invisible);
    assert_eq!(sized(&[("info.json", of_neon)]), neon);
    assert_eq!(sized(&[]), neon);
    let both = sized(&[("PI world v1 ps1.time", &time), ("info.json", of_neon)]).unwrap_err();
    assert!(both.contains("Neon") && both.contains("Invisible"), "{both}");
    assert!(notes(Neon::new(&[[1.0, 2.0]]).path()).contains("nothing says which glasses"));

    let recording = Neon::new(&[[816.0, 438.75]]);
    recording.write("PI world v1 ps1.time", (Neon::START - 40_000_000).to_le_bytes().to_vec());
    // Pupil Cloud computes gaze anew.
    let anew = [[544.0f32, 540.0], [272.0, 270.0]];
    recording.write("gaze_200hz.raw", anew.iter().flatten().flat_map(|v| v.to_le_bytes()).collect());
    recording
        .write("gaze_200hz.time", [0, 1].iter().flat_map(|i| (Neon::START + i * 5_000_000).to_le_bytes()).collect());
    recording.write("worn_200hz.raw", vec![255, 0]);
    let recording = GazeRecording::read(recording.path()).unwrap();
    assert_eq!(recording.first_frame(), ms(0.0));
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point, s.confidence)).collect();
    assert_eq!(samples, [(ms(40.0), Point::new(544.0, 540.0), 1.0), (ms(45.0), Point::new(272.0, 270.0), 0.0)]);
}

const CLOUD: &str = "section id,recording id,timestamp [ns],gaze x [px],gaze y [px],worn,fixation id,blink id,azimuth [deg]\n\
                     a,b,1700000000020000001,1200.0,487.5,1.0,1,,9\n\
                     a,b,1700000000030000001,1201.0,488.5,1.0,,7,9\n\
                     a,b,1700000000040000001,,,0.0,,,\n";

#[test]
fn pupil_cloud() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("gaze.csv", CLOUD);
    write(
        "world_timestamps.csv",
        "section id,recording id,timestamp [ns]\na,b,1700000000000000001\na,b,1700000000040000001\n",
    );
    write(
        "fixations.csv",
        "fixation id,start timestamp [ns],end timestamp [ns],fixation x [px],fixation y [px]\n1,1700000000020000001,1700000000030000001,1200,487\n",
    );
    write(
        "blinks.csv",
        "blink id,start timestamp [ns],end timestamp [ns]\n7,1700000000029000001,1700000000031000001\n",
    );
    write("scene_camera.json", "{\"camera_matrix\":[[890.5,0,800],[0,891,600],[0,0,1]],\"serial_number\":\"x\"}");
    let recording = GazeRecording::read(folder.path()).unwrap();
    assert_eq!((recording.format, recording.size), (RecordingFormat::PupilCloud, Size::new(1600, 1200)));
    assert_eq!(recording.intrinsics.map(|k| (k.fx, k.cy)), Some((890.5, 600.0)));
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point, s.confidence)).collect();
    let expected = [
        (ms(20.0), Point::new(1200.0, 487.5), 1.0),
        // In a blink.
        (ms(30.0), Point::new(1201.0, 488.5), 0.0),
        // Not worn, and nowhere.
        (ms(40.0), Point::new(1201.0, 488.5), 0.0),
    ];
    assert_eq!(samples, expected);
    assert_eq!(recording.frames, [ms(0.0), ms(40.0)]);
    assert_eq!((recording.fixations.len(), recording.blinks.len(), recording.notes.len()), (1, 1, 0));
    // The file by any name, alone and with a byte order mark.
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("copy.tsv");
    fs::write(&path, format!("\u{feff}{}", CLOUD.replace(',', "\t"))).unwrap();
    let again = GazeRecording::read(&path).unwrap();
    assert_eq!((again.format, again.samples.len(), again.frames.len()), (RecordingFormat::PupilCloud, 3, 0));

    write("info.json", "{\"data_format_version\":\"1.4\",\"scene_camera_serial_number\":\"abcde\"}");
    assert_eq!(GazeRecording::read(folder.path()).unwrap().size, Size::new(1088, 1080));
    write("gaze.csv", &CLOUD.replace("a,b,1700000000040000001", "a,c,1700000000040000001"));
    assert!(refusal(folder.path()).contains("another recording begins at line 4"));
}

const CORE: &str = "gaze_timestamp,world_index,confidence,norm_pos_x,norm_pos_y\n\
                    100.02,1,0.9,0.25,0.75\n100.01,1,0.0,nan,0.5\n100.03,2,1.7,0.5,1.25\n";

#[test]
fn pupil_core() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("gaze_positions.csv", CORE);
    write("world_timestamps.csv", "# timestamps [seconds],pts\n100.0,0\n100.04,9\n");
    write("fixations.csv", "id,start_timestamp,duration,norm_pos_x,norm_pos_y,base_data\n0,100.01,20.0,0.5,0.25,1 2\n");
    write("blinks.csv", "id,start_timestamp,duration,end_timestamp\n1,100.02,0.01,100.03\n");
    let recording = GazeRecording::read(folder.path()).unwrap();
    assert_eq!((recording.format, recording.size), (RecordingFormat::PupilCore, Size::new(1280, 720)));
    // By time; the origin goes from the bottom left to the top left; confidence stays within 0 to 1.
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point, s.confidence)).collect();
    let expected = [
        (ms(10.0), Point::new(640.0, 360.0), 0.0),
        (ms(20.0), Point::new(320.0, 180.0), 0.9),
        (ms(30.0), Point::new(640.0, -180.0), 1.0),
    ];
    assert_eq!(samples, expected);
    assert_eq!(recording.frames, [ms(0.0), ms(40.0)]);
    let [fixation] = recording.fixations[..] else { panic!("{:?}", recording.fixations) };
    assert_eq!(
        (fixation.span.start, fixation.span.end, fixation.point),
        (ms(10.0), ms(30.0), Point::new(640.0, 540.0))
    );
    assert_eq!(recording.blinks.len(), 1);
    assert_eq!(GazeRecording::read(&folder.path().join("gaze_positions.csv")).unwrap(), recording);
}

#[test]
fn damaged_tables_are_refused_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let header = CORE.lines().next().unwrap();
    let rows = [
        (String::new(), "gaze"),
        (format!("{header}\n"), "no gaze sample"),
        (format!("{header}\n1.0,1,0.9,0.5\n"), "line 2"),
        (format!("{header}\n1.0,1,0.9,0.5,0.5\n1.01,1,0.9,0.\n1.02,1,0.9,x,0.5\n"), "line 3"),
        (format!("{header}\nnan,1,0.9,0.5,0.5\n"), "no time"),
        (format!("{header}\n1e300,1,0.9,0.5,0.5\n"), "no time"),
        (format!("{header}\n1.0,1,0.9,0.5,0.5\n9000000,1,0.9,0.5,0.5\n"), "week"),
        ("gaze_timestamp,confidence,norm_pos_x\n1,1,1\n".to_owned(), "norm_pos_y"),
    ];
    let path = folder.path().join("gaze_positions.csv");
    let mut wrong = Vec::new();
    for (text, expected) in rows {
        fs::write(&path, &text).unwrap();
        let message = refusal(folder.path());
        if !message.contains(expected) || !message.contains("gaze_positions.csv") {
            wrong.push(format!("{text:?}: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn one_damaged_row_or_file_does_not_spoil_a_recording() {
    let header = CORE.lines().next().unwrap();
    let good = |from: i32, to: i32| {
        (from..to).map(|i| format!("{:.2},1,0.9,0.5,0.5\n", 100.0 + f64::from(i) / 100.0)).collect::<String>()
    };
    let rows = [
        (",1,0.9,0.5,0.5", "line 12: `gaze_timestamp` is no time"),
        ("nan,1,0.9,0.5,0.5", "line 12"),
        ("inf,1,0.9,0.5,0.5", "line 12"),
        ("1.01,1,0.9", "line 12: 3 fields"),
        ("100.1,1,0.9,x,0.5", "line 12: `norm_pos_x` is no number"),
        ("0.0,1,0.9,0.5,0.5", "line 12"),
        ("9000000,1,0.9,0.5,0.5", "line 12"),
        // After the clock was set for one sample.
        ("3700.0,1,0.9,0.5,0.5", "line 12"),
    ];
    for (row, expected) in rows {
        let folder = tempfile::tempdir().unwrap();
        fs::write(
            folder.path().join("gaze_positions.csv"),
            format!("{header}\n{}{row}\n{}", good(0, 10), good(11, 20)),
        )
        .unwrap();
        let recording = GazeRecording::read(folder.path()).unwrap_or_else(|e| panic!("{row}: {e}"));
        assert_eq!((recording.samples.len(), recording.notes.len()), (19, 1), "{row}: {:?}", recording.notes);
        assert!(recording.notes[0].contains(expected), "{row}: {:?}", recording.notes);
        assert!(recording.samples.iter().all(|s| s.at <= ms(190.0)), "{row}");
    }
    for (name, content) in [
        ("world.intrinsics", &b"\x81\xa1x\xdd\xff\xff\xff\xff"[..]),
        ("fixations.csv", b"id\n1\n"),
        ("blinks.csv", b"start_timestamp,end_timestamp\nx,y\n"),
        ("world_timestamps.csv", b"# timestamps [seconds],pts\n1,2,3\n"),
        ("world_timestamps.csv", b"# timestamps [seconds]\n100\n101\n102\n103\n90\n91\n92\n93\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("gaze_positions.csv"), CORE).unwrap();
        fs::write(folder.path().join(name), content).unwrap();
        let told = notes(folder.path());
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[test]
fn what_is_no_number_was_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let header = CORE.lines().next().unwrap();
    let rows = ["nan,0.5", "0.5,inf", ",", "0.5,-Infinity", "NaN,NaN", "0.5,NA"];
    let rows: Vec<String> = rows.iter().enumerate().map(|(i, place)| format!("{i}.1,1,0.9,{place}")).collect();
    let unsure = ["", "nan", "inf"].map(|confidence| format!("7,1,{confidence},0.5,0.5"));
    let table = [&[header.to_owned(), "0.0,1,0.9,0.5,0.5".to_owned()][..], &rows, &unsure].concat().join("\n");
    fs::write(folder.path().join("gaze_positions.csv"), table).unwrap();
    let recording = GazeRecording::read(folder.path()).unwrap();
    assert_eq!((recording.samples.len(), recording.notes.len()), (10, 0), "{:?}", recording.notes);
    let seen = recording.samples.iter().filter(|s| s.confidence > 0.0).count();
    assert!(seen == 1 && recording.samples.iter().all(|s| s.point.is_finite()));
}

#[test]
fn a_clock_that_was_set_is_not_sorted_in_silence() {
    let header = CORE.lines().next().unwrap();
    let rows =
        |from: f64| (0..50).map(|i| format!("{:.2},1,0.9,0.5,0.5\n", from + f64::from(i) / 100.0)).collect::<String>();
    let folder = tempfile::tempdir().unwrap();
    let write = |text: String| fs::write(folder.path().join("gaze_positions.csv"), text).unwrap();
    write(format!("{header}\n{}{}", rows(74701.0), rows(71101.0)));
    let reason = refusal(folder.path());
    assert!(reason.contains("set back by 3600") && reason.contains("line 52"), "{reason}");
    write(format!("{header}\n{}{}", rows(71101.0), rows(74701.0)));
    let told = notes(folder.path());
    assert!(told.contains("3600 s before line 52"), "{told}");
}

#[test]
fn mobile_gaze_mapping() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "gazeData_world.tsv",
        "timestamp\tframe_idx\tconfidence\tnorm_pos_x\tnorm_pos_y\n\
         1005.0\t0\t1.0\t0.5\t0.25\n1025.0\t0\t0.5\t0.5\t0.25\n1042.0\t1\t1.0\t0.75\t0.5\n",
    );
    write("frame_pts.csv", "frame_idx,pts_s\n0,0.0\n1,0.04\n");
    fs::create_dir(folder.path().join("frames")).unwrap();
    image::RgbImage::new(96, 54).save(folder.path().join("frames/00000.png")).unwrap();
    let recording = GazeRecording::read(folder.path()).unwrap();
    assert_eq!((recording.format, recording.size), (RecordingFormat::MobileGazeMapping, Size::new(96, 54)));
    // The second frame's first sample says best when the frames began: 2 ms before it came that frame at the latest.
    assert_eq!(recording.frames, [ms(0.0), ms(40.0)]);
    let samples: Vec<_> = recording.samples.iter().map(|s| (s.at, s.point, s.confidence)).collect();
    let expected = [
        (ms(3.0), Point::new(48.0, 13.5), 1.0),
        (ms(23.0), Point::new(48.0, 13.5), 0.5),
        (ms(40.0), Point::new(72.0, 27.0), 1.0),
    ];
    assert_eq!(samples, expected);
}

#[test]
fn what_is_no_recording_says_what_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(folder.path()).contains("gaze_positions.csv"));
    assert!(refusal(&folder.path().join("nowhere")).contains("Check the path"));
}

#[test]
fn a_replay_begins_with_the_stream_and_fits_its_frame() {
    let neon = Neon::new(&[[800.0, 600.0], [1600.0, 600.0], [0.0, 1200.0], [400.0, 300.0]]);
    neon.write("Neon Scene Camera v1 ps1.time", (Neon::START + 5_000_000).to_le_bytes().to_vec());
    let mut replay = GazeReplay::new("gaze:file:x", GazeRecording::read(neon.path()).unwrap(), Size::new(640, 360));
    assert_eq!(replay.name(), "gaze:file:x");
    let mut out = Vec::new();
    // The stream's first frame was captured at 50 s.
    replay.poll(ms(50_000.0), ms(50_006.0), &mut out);
    let given: Vec<_> = out.iter().map(|s| (s.at, s.point)).collect();
    assert_eq!(given, [(ms(50_000.0), Point::new(640.0, 180.0)), (ms(50_005.0), Point::new(0.0, 360.0))]);
    replay.poll(ms(50_000.0), ms(51_000.0), &mut out);
    assert_eq!(out.len(), 3);
    assert_eq!((out[2].at, out[2].point), (ms(50_010.0), Point::new(160.0, 90.0)));
}

#[test]
fn the_neon_recording_at_hand() {
    let Some(path) = data("neon_demo_recording") else { return };
    let recording = GazeRecording::read(&path).unwrap();
    assert_eq!((recording.samples.len(), recording.frames.len()), (1788, 292));
    assert_eq!((recording.fixations.len(), recording.blinks.len()), (23, 2));
    let camera = recording.intrinsics.unwrap();
    assert!((camera.fx - 888.4111).abs() < 1e-3 && (camera.cy - 618.6383).abs() < 1e-3, "{camera:?}");
    let first = recording.samples[0];
    assert_eq!(first.at, Timestamp::from_nanos(780_047_000));
    assert!((first.point.x - 719.7832).abs() < 1e-3 && (first.point.y - 749.7763).abs() < 1e-3, "{first:?}");
    let hidden = recording.samples.iter().filter(|s| s.confidence == 0.0);
    assert!(
        hidden.clone().count() > 80 && hidden.into_iter().all(|s| recording.blinks.iter().any(|b| b.contains(s.at)))
    );
}

#[test]
fn the_pupil_core_recording_at_hand() {
    let Some(path) = data("pupil_core_chblab") else { return };
    let recording = GazeRecording::read(&path).unwrap();
    assert_eq!((recording.samples.len(), recording.frames.len()), (10110, 2555));
    assert_eq!((recording.fixations.len(), recording.blinks.len()), (278, 12));
    let camera = recording.intrinsics.unwrap();
    assert_eq!(recording.size, Size::new(1280, 720));
    assert!((camera.fx - 829.351).abs() < 1e-2 && (camera.cy - 373.078).abs() < 1e-2, "{camera:?}");
    assert_eq!(recording.samples.iter().filter(|s| s.confidence < 0.6).count(), 3900);
    // The first fixation's point, 57.8 % from the left and 8.7 % from the bottom.
    let point = recording.fixations[0].point;
    assert!((point.x - 740.05).abs() < 0.1 && (point.y - 657.47).abs() < 0.1, "{point:?}");
}

#[test]
fn the_mobile_gaze_mapping_recording_at_hand() {
    let Some(path) = data("mobile_gaze_mapping") else { return };
    let recording = GazeRecording::read(&path).unwrap();
    assert_eq!((recording.samples.len(), recording.frames.len()), (100, 50));
    assert_eq!((recording.size, recording.intrinsics), (Size::new(960, 540), None));
    let first = recording.samples[0].point;
    assert!((first.x - 0.5098 * 960.0).abs() < 1e-2 && (first.y - 0.0529 * 540.0).abs() < 1e-2, "{first:?}");
    // No sample lies before the frame that it is said to belong to, and none a whole frame behind it.
    for (i, sample) in recording.samples.iter().enumerate() {
        let behind = sample.at.signed_secs_since(recording.frames[i / 2]);
        assert!((0.0..0.08).contains(&behind), "sample {i}: {behind} s behind its frame");
    }
}

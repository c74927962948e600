//! Bad input of every kind: each has its exit code and a message that says what is wrong and what to do.

#[path = "common/program.rs"]
mod program;

use foveate::error::GpuError;
use program::Sandbox;
use sha2::{Digest, Sha256};

/// One line of the table: what is given, the exit code, and words that the message must have.
struct Case {
    name: &'static str,
    arguments: Vec<String>,
    code: i32,
    says: &'static [&'static str],
}

fn case(name: &'static str, line: &str, code: i32, says: &'static [&'static str]) -> Case {
    Case { name, arguments: line.split_whitespace().map(str::to_owned).collect(), code, says }
}

/// A small image with a bright disc.
fn image() -> image::RgbImage {
    image::RgbImage::from_fn(96, 64, |x, y| {
        let inside = (x as i32 - 48).pow(2) + (y as i32 - 32).pow(2) < 400;
        image::Rgb(if inside { [230, 200, 40] } else { [30, 60, 90] })
    })
}

fn encoded(format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG whose header promises an absurd size.
fn absurd_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(image::ImageFormat::Png);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ *byte as u32, |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    })
}

/// A models folder whose only model `broken` has these files.
fn models_folder(sandbox: &Sandbox, folder: &str, encoder: &[u8], decoder: &[u8]) {
    let sha = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/broken.toml")).unwrap();
    let manifest = manifest.replace("ENCODER_SHA256", &sha(encoder)).replace("DECODER_SHA256", &sha(decoder));
    sandbox.file(&format!("{folder}/manifest.toml"), manifest);
    sandbox.file(&format!("{folder}/encoder.onnx"), encoder);
    sandbox.file(&format!("{folder}/decoder.onnx"), decoder);
}

#[test]
fn every_bad_input_has_its_exit_code_and_remedy() {
    let sandbox = Sandbox::new();
    let png = encoded(image::ImageFormat::Png);
    let jpeg = encoded(image::ImageFormat::Jpeg);
    sandbox.file("good.png", &png);
    sandbox.file("empty.png", b"");
    sandbox.file("text.jpg", b"this is no picture");
    sandbox.file("cut.jpg", &jpeg[..jpeg.len() / 2]);
    sandbox.file("cut.png", &png[..png.len() / 2]);
    sandbox.file("huge.png", absurd_png(2_000_000_000, 2_000_000_000));
    sandbox.file("wide.png", absurd_png(60_000, 1));
    sandbox.file("flat.png", absurd_png(0, 64));
    sandbox.file("frames/note.txt", b"no pictures here");
    sandbox.file("frames2/1.png", &png);
    sandbox.file("junk/1.png", b"no picture");
    sandbox.file("board.toml", "name = \"mine\"\nencoder_thread = 2\n");
    sandbox.file("notoml.toml", "this is = = no toml");
    sandbox.file("script.ndjson", "{\"time_s\":1,\"object\":1,\"points\":[[1,2,1]]}\n{\"time_s\":2,\"objet\":1}\n");

    let depth = |name: &str, width: u32, level: u16| {
        let depth = image::ImageBuffer::<image::Luma<u16>, _>::from_pixel(width, 64, image::Luma([level]));
        depth.save(sandbox.path().join(name)).unwrap();
    };
    depth("depth.png", 96, 1000);
    depth("narrow.png", 95, 1000);
    depth("dark.png", 96, 0);
    image::GrayImage::from_pixel(96, 64, image::Luma([9])).save(sandbox.path().join("grey.png")).unwrap();
    sandbox.file("poses.txt", "0 0 0 0 0 0 0 1\n1 0 0 0 0.5 0 0 0.5\n");
    sandbox.file("two.txt", "0 0 0 0 0 0 0 1\n1 0 0 0 0 0 0 1\n");

    let bundled = concat!(env!("CARGO_MANIFEST_DIR"), "/models/");
    let encoder = std::fs::read(format!("{bundled}foveate-encoder.onnx")).unwrap();
    let decoder = std::fs::read(format!("{bundled}foveate-decoder.onnx")).unwrap();
    let hostile = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/models/bad/huge_fill.onnx")).unwrap();
    models_folder(&sandbox, "m-zero", b"", &decoder);
    models_folder(&sandbox, "m-garbage", b"\x08\x07 not an onnx file", &decoder);
    models_folder(&sandbox, "m-cut", &encoder[..encoder.len() / 3], &decoder);
    models_folder(&sandbox, "m-swapped", &decoder, &encoder);
    models_folder(&sandbox, "m-hostile", &hostile, &decoder);
    models_folder(&sandbox, "m-changed", &encoder, &decoder);
    sandbox.file("m-changed/encoder.onnx", [&encoder[..], b"\0"].concat());

    let segment = |photo: &str, rest: &str| format!("segment {photo} {rest}");
    let model = |folder: &str| format!("segment good.png --point 48,32 --models-dir {folder} --model broken");
    let quantize = |file: &str, photos: &str| {
        format!("quantize {file} --calibration {photos} --precision int8 --size 64x64 --out o.onnx")
    };
    let lifted = |depth: &str, rest: &str| segment("good.png", &format!("--point 48,32 --depth {depth} {rest}"));
    let posed = |poses: &str| {
        format!("track frames2 --point 48,32 --depth frames2 --intrinsics 90,90,48,32 --poses {poses} --json")
    };
    let half = "quantize m-swapped/decoder.onnx --precision f16";
    let mut cases = vec![
        case("no such photo", &segment("none.png", "--point 1,1"), 1, &["none.png", "Check the path"]),
        case("zero bytes", &segment("empty.png", "--point 1,1"), 1, &["empty.png", "PNG, JPEG, WebP"]),
        case("text as photo", &segment("text.jpg", "--point 1,1"), 1, &["text.jpg", "PNG, JPEG, WebP"]),
        case("truncated PNG", &segment("cut.png", "--point 1,1"), 1, &["cut.png", "complete"]),
        case("truncated JPEG", &segment("cut.jpg", "--point 1,1"), 1, &["cut.jpg", "complete"]),
        case("absurd size", &segment("huge.png", "--point 1,1"), 1, &["huge.png"]),
        case("absurd width", &segment("wide.png", "--point 1,1"), 1, &["wide.png", "60000x1"]),
        case("no width", &segment("flat.png", "--point 1,1"), 1, &["flat.png"]),
        case("no prompt", &segment("good.png", ""), 2, &["--point"]),
        case("point that is no number", &segment("good.png", "--point a,b"), 2, &["X,Y"]),
        case("point not finite", &segment("good.png", "--point nan,1"), 2, &["nan,1", "X,Y"]),
        case("point outside", &segment("good.png", "--point 960,32"), 2, &["960", "96x64"]),
        case("box of no area", &segment("good.png", "--box 10,10,10,40"), 2, &["X0<X1"]),
        case("box outside", &segment("good.png", "--box 200,200,300,300"), 2, &["96x64"]),
        case("only background", &segment("good.png", "--point 10,10,0"), 2, &["foreground"]),
        case("mask of another size", &segment("good.png", "--mask huge.png"), 1, &["huge.png"]),
        case(
            "unwritable overlay",
            &segment("good.png", "--point 48,32 --overlay no/such/dir/o.png"),
            1,
            &["no/such/dir"],
        ),
        case("depth of another size", &lifted("narrow.png", "--intrinsics 90,90,48,32"), 1, &["95x64", "96x64"]),
        case("depth without a depth", &lifted("dark.png", "--intrinsics 90,90,48,32"), 1, &["dark.png", "all are 0"]),
        case("depth of 8 bits", &lifted("grey.png", "--intrinsics 90,90,48,32"), 1, &["grey.png", "16 bits"]),
        case("no such depth", &lifted("none.png", "--intrinsics 90,90,48,32"), 1, &["none.png", "Check the path"]),
        case("depth without a camera", &lifted("depth.png", ""), 2, &["--intrinsics"]),
        case("a camera that is none", &lifted("depth.png", "--intrinsics nan,90,48,32"), 2, &["FX,FY,CX,CY", "finite"]),
        case("a camera without focus", &lifted("depth.png", "--intrinsics 0,90,48,32"), 2, &["FX,FY,CX,CY", "focal"]),
        case("no such scale", &lifted("depth.png", "--intrinsics 90,90,48,32 --depth-scale 0"), 2, &["metres a unit"]),
        case("neither points nor surface", &lifted("depth.png", "--intrinsics 90,90,48,32 --lift o.obj"), 2, &[".glb"]),
        case("points without depth", &segment("good.png", "--point 48,32 --lift o.ply"), 2, &["--depth"]),
        case("poses that turn nothing", &posed("poses.txt"), 1, &["poses.txt", "line 2", "no rotation"]),
        case("poses of other frames", &posed("two.txt"), 1, &["2 poses for 1 frames"]),
        case("no such poses", &posed("none.txt"), 1, &["none.txt", "Check the path"]),
        case("unknown model", &segment("good.png", "--point 48,32 --model foveat"), 4, &["did you mean `foveate`"]),
        case("zero-byte model", &model("m-zero"), 4, &["encoder.onnx"]),
        case("garbage model", &model("m-garbage"), 4, &["encoder.onnx", "verify"]),
        case("truncated model", &model("m-cut"), 4, &["encoder.onnx"]),
        case("swapped files", &model("m-swapped"), 4, &["expected", "image"]),
        case("hostile shapes", &model("m-hostile"), 4, &["encoder.onnx"]),
        case("unknown command", "segmnt good.png", 2, &["segment"]),
        case("unknown source", "run --source cam:0", 2, &["cam:0", "files:DIR"]),
        case("unknown sink", "run --source files:frames2 --sink paper:x", 2, &["paper:x", "ndjson"]),
        case("unknown prompt source", "run --source files:frames2 --prompt voice:x", 2, &["voice:x", "script:FILE"]),
        case("no such folder", "run --source files:nowhere", 1, &["nowhere"]),
        case("folder without pictures", "run --source files:frames", 2, &["files:frames", "give a folder"]),
        case("bad script", "run --source files:frames2 --prompt script:script.ndjson", 2, &["line 2", "object"]),
        case("no such script", "run --source files:frames2 --prompt script:none.ndjson", 1, &["none.ndjson"]),
        case("unknown board", "run --source files:frames2 --board raspberry-pi-6", 2, &["raspberry-pi-5"]),
        case(
            "unknown board key",
            "run --source files:frames2 --board board.toml",
            2,
            &["encoder_thread", "did you mean"],
        ),
        case("board is no TOML", "run --source files:frames2 --board notoml.toml", 2, &["notoml.toml"]),
        case(
            "a replay of what comes live",
            "run --source files:frames2 --replay --prompt gaze:udp://127.0.0.1:0",
            2,
            &["--replay", "script:FILE"],
        ),
        case("unwritable NDJSON", "run --source files:frames2 --sink ndjson:no/such/dir/x.ndjson", 1, &["no/such/dir"]),
        case("evaluation without data", "eval grabcut --data nowhere", 1, &["nowhere"]),
        case(
            "no such folder of photos",
            &quantize("m-swapped/decoder.onnx", "nowhere"),
            1,
            &["nowhere", "Check the path"],
        ),
        case("a folder without photos", &quantize("m-swapped/decoder.onnx", "frames"), 2, &["frames", ".png"]),
        case(
            "photos that are none",
            &quantize("m-swapped/decoder.onnx", "junk"),
            4,
            &["junk", "none of the calibration"],
        ),
        case("no such file to quantise", &quantize("none.onnx", "frames2"), 1, &["none.onnx", "Check the path"]),
        case("no encoder", &quantize("m-changed/decoder.onnx", "frames2"), 4, &["prompt_maps", "encoder's file"]),
        case(
            "unknown convolution",
            &(quantize("m-swapped/decoder.onnx", "frames2") + " --keep /stem/stem.0/Con"),
            4,
            &["did you mean `/stem/stem.0/Conv`"],
        ),
        case("integers without photos", "quantize x.onnx --precision int8 --out o.onnx", 2, &["--calibration"]),
        case(
            "unwritable model",
            &(half.to_owned() + " --out no/such/dir/o.onnx"),
            1,
            &["no/such/dir", "Check the path"],
        ),
    ];
    match foveate::engine::gpu() {
        Ok(()) => {}
        Err(GpuError::NotBuilt) => {
            let says = &["not in this build", "--features cuda"];
            cases.push(case("no GPU in this build", "bench --device cuda", 2, says));
            cases.push(case("no such device", "bench --device gpu", 2, &["gpu", "cpu, cuda"]));
        }
        // Which part of CUDA is missing differs from machine to machine.
        Err(_) => cases.push(case("no GPU", "bench --device cuda", 3, &["GPU: "])),
    }
    if cfg!(all(target_os = "linux", feature = "camera")) {
        cases.push(case("missing camera", "run --source v4l:/dev/video99", 3, &["/dev/video99", "foveate doctor"]));
    }

    let mut wrong = Vec::new();
    for case in &cases {
        let arguments: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
        let ran = sandbox.foveate(&arguments);
        let missing: Vec<_> = case.says.iter().filter(|words| !ran.stderr().contains(**words)).collect();
        if ran.code() != case.code || !missing.is_empty() || ran.stderr().contains("panicked") {
            wrong.push(format!(
                "{}: expected exit code {}, missing {missing:?}{}",
                case.name,
                case.code,
                ran.describe()
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn verify_finds_a_changed_model_file() {
    let sandbox = Sandbox::new();
    models_folder(&sandbox, "m", b"one", b"two");
    sandbox.file("m/encoder.onnx", b"other");
    let ran = sandbox.foveate(&["models", "verify", "broken", "--models-dir", "m"]);
    assert_eq!(ran.code(), 4, "{}", ran.describe());
    assert!(ran.stderr().contains("SHA-256") || ran.stdout().contains("SHA-256"), "{}", ran.describe());
}

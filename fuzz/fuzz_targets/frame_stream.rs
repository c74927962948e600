#![no_main]

libfuzzer_sys::fuzz_target!(init: foveate::fuzz::let_libraries_panic(), |data: &[u8]| foveate::fuzz::frame_stream(data));

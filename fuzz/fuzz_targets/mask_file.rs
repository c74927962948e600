#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| foveate::fuzz::mask_file(data));

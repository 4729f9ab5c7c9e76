#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mapvec_fuzz::check("runs", data));

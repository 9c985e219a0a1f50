//! Any bytes, decoded as a photo: an outcome, of the right size, within the memory that the header was said to cost.
#![no_main]

use inkflow_connectors::decode::{decode, inspect, Channels, InputSpec};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(header) = inspect(bytes) else { return };
    for channels in [Channels::Grey, Channels::Rgb] {
        let (mean, std) = (vec![0.0; channels.count()], vec![1.0; channels.count()]);
        let want = InputSpec { channels, width: 48, height: 64, mean, std, pad: 128 };
        // Time, not memory, is what a fuzzer would spend on the largest that are allowed.
        if header.estimate_bytes(&want) > 64 << 20 {
            return;
        }
        if let Ok(pixels) = decode(bytes, &want) {
            let mut batch = Vec::new();
            want.append_to(&pixels, &mut batch);
            assert_eq!(batch.len(), want.floats());
            assert_eq!(pixels.bytes.len(), pixels.width as usize * pixels.height as usize * channels.count());
        }
    }
});

//! Memory of attention, in a process of its own: the allocator counts for all threads.
#![allow(clippy::unwrap_used, reason = "a failed test is to panic")]

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{AttentionConfig, scaled_dot_product_attention};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Most bytes that attention over `n` keys holds beyond its inputs, forward and backward.
fn peak(n: usize) -> usize {
    let input = || {
        let x = Tensor::ones((1, 2, n, 8), DType::F32, &Device::Cpu).unwrap();
        Var::from_tensor(&x).unwrap()
    };
    let [q, k, v] = [input(), input(), input()];
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let y = scaled_dot_product_attention(&q, &k, &v, None, &AttentionConfig::default()).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&q).is_some(), "the backward pass ran");
    ALLOCATOR.peak_usage() - before
}

#[test]
fn memory_of_attention_grows_with_the_keys_and_not_with_their_square() {
    // Buffers that threads keep for a later call are made here.
    peak(4096);
    let (one, four) = (peak(1024), peak(4096));
    let scores = 2 * 4096 * 4096 * size_of::<f32>();
    assert!(four < 6 * one, "{one} bytes for 1024 keys, {four} for 4096");
    assert!(four < scores / 10, "{four} bytes, the scores alone would take {scores}");
}

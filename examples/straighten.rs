//! Finds the lines of a patch, makes them level, and says how exactly noise lets it know them.

use std::f64::consts::{PI, TAU};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use mapvec_data::{ImageLimits, encode_png, read_image, sample_rng, write_all_atomic};
use mapvec_examples::output::{crop, parse_window};
use mapvec_examples::progress::say;
use mapvec_examples::wave_scores::bins_apart;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_fourier::{PlaneWave, ProposalConfig, WaveFit, dominant_wave, straighten, unstraighten};
use mapvec_geometry::Window;
use ndarray::{Array3, Axis, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;
use serde_json::json;

/// Writes straight.png: the patch, the patch with its lines level, and what comes back. Prints
/// how far the found frequencies and phases are from those that were drawn, at several ratios of
/// signal to noise.
#[derive(Debug, Parser)]
struct Args {
    /// A PNG, JPEG or TIFF picture with one bundle of lines; without one a patch is drawn.
    image: Option<PathBuf>,
    /// A part of the picture: X,Y,WIDTH,HEIGHT.
    #[arg(long, value_parser = parse_window)]
    window: Option<Window>,
    /// Side of the drawn patches, px, 16 to 512.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(16..=512))]
    side: u64,
    /// Drawn patches for each ratio of signal to noise.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    trials: u64,
    /// Seed of the patches.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// Few patches, for checks.
    #[arg(long)]
    smoke: bool,
}

fn main() -> ExitCode {
    run(|args: Args| level(&args))
}

fn level(args: &Args) -> Result<()> {
    let side = usize::try_from(args.side)?;
    let picture = match &args.image {
        Some(path) => crop(read_image(path, &ImageLimits::default())?, args.window)?,
        None => drawn(side, &mut sample_rng(args.seed, 0)),
    };
    let grey = picture.mapv(f64::from).mean_axis(Axis(2)).context("a picture without colours")?;
    let found = dominant_wave(grey.view(), None, &ProposalConfig::default())?
        .context("nothing varies in the picture")?;
    let planes = picture.mapv(f64::from).permuted_axes([2, 0, 1]);
    let straight = straighten(planes.view(), &found.wave, 0.0)?;
    let back = unstraighten(straight.planes.view(), straight.pose)?;
    let worst = (&back - &planes).iter().fold(0.0_f64, |worst, gap| worst.max(gap.abs()));
    say(&format!(
        "lines at {:.2} degrees, {:.3} px apart, {:.1} dB above the rest; {}slope {:.4}; comes back to {worst:.1e}",
        found.wave.angle().to_degrees(),
        found.wave.spacing(),
        10.0 * found.signal_to_noise().log10(),
        if straight.pose.turned { "turned by a quarter, " } else { "" },
        straight.pose.slope,
    ));
    make_folder(&args.out)?;
    let panels = beside(&[&planes, &straight.planes, &back]);
    write_all_atomic(&[(&args.out.join("straight.png"), &encode_png(panels.view())?)])?;
    let trials = if args.smoke { 60 } else { args.trials };
    let mut record = vec![("comes_back".to_owned(), json!(worst < 1e-9))];
    say(&format!("{side} x {side} px, {trials} patches: errors at half of them and at 90 of 100"));
    say("    SNR   frequency, bins   phase, radians");
    for decibels in [6, 0, -6] {
        let [frequency, phase] = errors(side, decibels, trials, args.seed)?;
        say(&format!(
            "{decibels:>4} dB    {:.4}  {:.4}     {:.4}  {:.4}",
            frequency.0, frequency.1, phase.0, phase.1
        ));
        record.push((format!("frequency_at_{decibels}_db"), json!(frequency.0)));
        record.push((format!("phase_at_{decibels}_db"), json!(phase.0)));
    }
    if args.smoke {
        smoke::write(&args.out, record)?;
    }
    Ok(())
}

/// Median and 90th percentile of the errors of frequencies, bins of the patch, and of phases in
/// its middle, radians. Single waves in white noise.
fn errors(side: usize, decibels: i32, trials: u64, seed: u64) -> Result<[(f64, f64); 2]> {
    let deviation = (0.5 / 10.0_f64.powf(f64::from(decibels) / 10.0)).sqrt();
    let (mut frequencies, mut phases) = (Vec::new(), Vec::new());
    for trial in 0..trials {
        let mut rng = sample_rng(seed ^ 0x0073_6e72, trial);
        let truth = PlaneWave::from_crests(
            PI * unit(&mut rng),
            3.0 + 0.15 * side as f64 * unit(&mut rng),
            TAU * unit(&mut rng),
        )
        .canonical();
        let patch = truth.field((side, side)).mapv(|value| value + deviation * normal(&mut rng));
        let found = dominant_wave(patch.view(), None, &ProposalConfig::default())?;
        let WaveFit { wave, .. } = found.context("nothing varies")?;
        // Waves near v = 0 may come in their other form.
        let wave = wave.towards(&truth);
        frequencies.push(bins_apart(&wave, &truth, side));
        let middle = [side as f64 / 2.0; 2];
        let turn = wave.phase_at(middle) - truth.phase_at(middle);
        phases.push(((turn + PI).rem_euclid(TAU) - PI).abs());
    }
    Ok([frequencies, phases].map(|mut errors| {
        errors.sort_by(f64::total_cmp);
        let at = |share: usize| errors.get(errors.len() * share / 100).copied().unwrap_or(f64::NAN);
        (at(50), at(90))
    }))
}

/// Lines of any direction on paper, with noise.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn drawn(side: usize, rng: &mut ChaCha8Rng) -> Array3<u8> {
    let wave = PlaneWave::from_crests(PI * unit(rng), 6.0 + 4.0 * unit(rng), TAU * unit(rng));
    let lines = wave.field((side, side)).mapv(|value| if value > 0.4 { 1.0 } else { 0.0 });
    let tones = lines.mapv(|ink| 220.0 - 150.0 * ink + 25.0 * normal(rng));
    Array3::from_shape_fn((side, side, 3), |(y, x, channel)| {
        (tones[(y, x)] * [1.0, 0.96, 0.85][channel]).round().clamp(0.0, 255.0) as u8
    })
}

/// Pictures side by side, four times as large.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn beside(panels: &[&Array3<f64>]) -> Array3<u8> {
    const SCALE: usize = 4;
    const GAP: usize = 8;
    let scaled: Vec<Array3<u8>> = panels
        .iter()
        .map(|planes| {
            let (_, height, width) = planes.dim();
            Array3::from_shape_fn((SCALE * height, SCALE * width, 3), |(y, x, channel)| {
                planes[(channel, y / SCALE, x / SCALE)].round().clamp(0.0, 255.0) as u8
            })
        })
        .collect();
    let height = scaled.iter().map(|panel| panel.dim().0).max().unwrap_or(0);
    let width: usize = scaled.iter().map(|panel| panel.dim().1 + GAP).sum();
    let mut sheet = Array3::from_elem((height, width - GAP, 3), 255);
    let mut left = 0;
    for panel in &scaled {
        let (rows, columns, _) = panel.dim();
        sheet.slice_mut(s![..rows, left..left + columns, ..]).assign(panel);
        left += columns + GAP;
    }
    sheet
}

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    f64::from(rng.next_u32()) / 4_294_967_296.0
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| unit(rng)).sum::<f64>() - 6.0
}

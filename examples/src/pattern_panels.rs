//! Pictures of the labels of a scene of patterns.

use anyhow::{Result, bail};
use geo_types::{Coord, LineString};
use mapvec_data::Values;
use mapvec_geometry::{Stroke, stroke_labels};
use mapvec_synth::{PatternOutput, PatternScene};
use ndarray::{Array2, Array3};

use crate::canvas::{BLUE, COLOURS, Colour, ORANGE, RED};

/// Panels of a scene.
pub const COLUMNS: usize = 8;

/// The picture, classes, directions, ways to the axis, thickness, patterns, components, and
/// vectors and boxes over the picture; every pixel `scale` x `scale` pixels large.
///
/// # Errors
/// A line cannot be drawn.
pub fn panels(scene: &PatternScene, scale: usize) -> Result<Vec<Array3<u8>>> {
    let s = scene.size;
    let image = reals(scene, PatternOutput::Img)?;
    let picture = |at: usize| [0, 1, 2].map(|c| byte(image[at * 3 + c]));
    let lines = bytes(scene, PatternOutput::LineLabel)?;
    let symbols = bytes(scene, PatternOutput::ShapeLabel)?;
    let angles = reals(scene, PatternOutput::AngleLabel)?;
    let ways = reals(scene, PatternOutput::CenterVecLabel)?;
    let thickness = scene.output(PatternOutput::ThicknessLabel)?;
    let Values::I32(thickness) = thickness.values() else { bail!("thickness is not whole") };
    let mut patterns = vec![[255; 3]; s * s];
    for (index, pattern) in scene.patterns.iter().enumerate() {
        pattern.mask.paint(COLOURS[index % COLOURS.len()], &mut patterns);
    }
    let mut components = vec![[255; 3]; s * s];
    for (index, component) in scene.components.iter().enumerate() {
        component.mask.paint(hue(index as f32 * 0.381_966), &mut components);
    }
    let class = |at: usize| match (lines[at], symbols[at]) {
        (1, _) => BLUE,
        (_, 1) => ORANGE,
        _ => [255; 3],
    };
    let angle = |at: usize| {
        if lines[at] == 1 { hue(angles[at] / std::f32::consts::PI) } else { [255; 3] }
    };
    let way = |at: usize| {
        let [x, y] = [ways[at * 2], ways[at * 2 + 1]];
        let drawn = lines[at] + symbols[at] > 0;
        if drawn { [byte(0.5 + x / 8.0), byte(0.5 + y / 8.0), 128] } else { [255; 3] }
    };
    let thick = |at: usize| [byte(1.0 - thickness[at] as f32 / 12.0); 3];
    let panel = |colour: &dyn Fn(usize) -> Colour| {
        Array3::from_shape_fn((s * scale, s * scale, 3), |(y, x, c)| {
            colour(y / scale * s + x / scale)[c]
        })
    };
    let mut all = vec![
        panel(&picture),
        panel(&class),
        panel(&angle),
        panel(&way),
        panel(&thick),
        panel(&|at| patterns[at]),
        panel(&|at| components[at]),
        panel(&|at| picture(at).map(|v| 128 + v / 2)),
    ];
    if let Some(last) = all.last_mut() {
        vectors(scene, scale, last)?;
    }
    Ok(all)
}

/// Draws vectors in red and boxes in blue.
fn vectors(scene: &PatternScene, scale: usize, panel: &mut Array3<u8>) -> Result<()> {
    let mut map = Array2::<u32>::zeros((scene.size * scale, scene.size * scale));
    let stroke = Stroke { width: 2.0, ..Stroke::default() };
    let point =
        |[x, y]: [f32; 2]| Coord { x: f64::from(x) * scale as f64, y: f64::from(y) * scale as f64 };
    for component in &scene.components {
        let (line, id) = match component.vector() {
            Some([a, b]) => (vec![point(a), point(b)], 1),
            None => {
                let [top, bottom, left, right] = component.extent.map(|v| v as f32);
                let (right, bottom) = (right + 1.0, bottom + 1.0);
                let ring =
                    [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]];
                (ring.map(point).to_vec(), 2)
            }
        };
        stroke_labels(&LineString(line), &stroke, id, &mut map)?;
    }
    for ((y, x), id) in map.indexed_iter().filter(|(_, id)| **id > 0) {
        let colour = if *id == 1 { RED } else { BLUE };
        for (c, value) in colour.into_iter().enumerate() {
            panel[[y, x, c]] = value;
        }
    }
    Ok(())
}

fn reals(scene: &PatternScene, output: PatternOutput) -> Result<Vec<f32>> {
    match scene.output(output)?.values() {
        Values::F32(values) => Ok(values.clone()),
        _ => bail!("{output:?} is not real"),
    }
}

fn bytes(scene: &PatternScene, output: PatternOutput) -> Result<Vec<u8>> {
    match scene.output(output)?.values() {
        Values::U8(values) => Ok(values.clone()),
        _ => bail!("{output:?} is not bytes"),
    }
}

#[expect(clippy::cast_sign_loss, reason = "from 0 to 255")]
pub(crate) fn byte(share: f32) -> u8 {
    (share.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// A colour around the wheel, for a number whose whole part does not matter.
pub(crate) fn hue(turn: f32) -> Colour {
    let channel = |shift: f32| {
        let wave = ((turn + shift).rem_euclid(1.0) * std::f32::consts::TAU).cos();
        byte(0.5 + 0.45 * wave)
    };
    [channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0)]
}

//! Names on the sheet: along streets, on blocks and buildings, over everything.

use geo_types::Coord;

use crate::draw::Draw;
use crate::glyphs::Font;
use crate::layout::Plan;
use crate::lettering::{Lettering, Occupancy, anywhere, upright};
use crate::planar::{normal, point, unit};
use crate::polyline::{Walk, length};
use crate::raster::Plane;
use crate::words::{land_word, street_name, town_word};

/// The planes that text is drawn on, at the size of the sheet.
#[derive(Debug)]
pub(crate) struct TextInk {
    pub(crate) black: Plane,
    /// Red on town plans, the colour of contours on open land.
    pub(crate) second: Plane,
}

impl TextInk {
    pub(crate) fn new(size: usize) -> Self {
        Self { black: Plane::zeros((size, size)), second: Plane::zeros((size, size)) }
    }
}

/// Names of a town plan; `amount` scales their number.
pub(crate) fn town_names(draw: &mut Draw, plan: &Plan, amount: f64, ink: &mut TextInk) {
    let side = plan.side;
    let factor = (side / 640.0).powi(2).max(0.04);
    let mut taken = Occupancy::new(side);
    let house_style = draw.range(0.8, 1.15);
    let crowded = draw.chance(0.25);
    for _ in 0..draw.some(12.0, 52.0, factor * amount) {
        let kind = draw.weighted(&[0.42, 0.27, 0.19, 0.06, 0.06]);
        let (word, place, angle, red) = match kind {
            0 if !plan.axes.is_empty() => on_street(draw, plan, house_style),
            1 if !plan.spots.is_empty() => on_spot(draw, plan, house_style),
            3 => large(draw, side),
            4 => number(draw, side),
            _ => free(draw, side, house_style),
        };
        put(
            draw,
            (word, place, angle),
            (&mut taken, crowded),
            if red { &mut ink.second } else { &mut ink.black },
        );
    }
}

type Placed = (Lettering, Coord<f64>, f64, bool);

fn plan_font(draw: &mut Draw) -> Font {
    [
        Font::SerifBold,
        Font::SerifItalic,
        Font::DidoneBold,
        Font::DidoneItalic,
        Font::SerifRegular,
        Font::DidoneRegular,
        Font::SansRegular,
        Font::SansBold,
    ][draw.weighted(&[0.3, 0.2, 0.2, 0.14, 0.06, 0.04, 0.03, 0.03])]
}

/// A street name between the fronts, sometimes straying over the lines.
fn on_street(draw: &mut Draw, plan: &Plan, scale: f64) -> Placed {
    let axis = &plan.axes[draw.count(0, plan.axes.len() - 1)];
    let total = length(&axis.line);
    let at = draw.range(0.03, 0.97) * total;
    let (p, along) = Walk::new(&axis.line).at(at).unwrap_or((point(0.0, 0.0), point(1.0, 0.0)));
    let size = (axis.width * draw.range(0.6, 1.1)).clamp(13.0, 34.0) * scale;
    let text = if draw.chance(0.6) { street_name(draw) } else { town_word(draw) };
    let font = plan_font(draw);
    let mut word = Lettering::new(draw, text, font, size);
    if draw.chance(0.2) {
        word.spacing += draw.range(0.1, 0.8);
    }
    let stray =
        if draw.chance(0.3) { draw.normal(0.0, 0.45 * axis.width) } else { draw.normal(0.0, 1.0) };
    (word, p + normal(along) * stray, upright(along.y.atan2(along.x)), false)
}

/// A name on a block or building, level or along its front, now and then in two lines.
fn on_spot(draw: &mut Draw, plan: &Plan, scale: f64) -> Placed {
    let spot = plan.spots[draw.count(0, plan.spots.len() - 1)];
    let angle = match draw.count(0, 2) {
        0 => 0.0,
        1 => upright(spot.axis),
        _ => upright(spot.axis + std::f64::consts::FRAC_PI_2),
    };
    let text = town_word(draw);
    let font = plan_font(draw);
    let size = draw.log_range(12.0, 34.0) * scale;
    let word = Lettering::new(draw, text, font, size);
    let shift = point(draw.normal(0.0, 0.12), draw.normal(0.0, 0.12)) * spot.extent;
    (word, spot.centre + shift, angle, false)
}

fn free(draw: &mut Draw, side: f64, scale: f64) -> Placed {
    let text = town_word(draw);
    let font = plan_font(draw);
    let size = draw.log_range(11.0, 36.0) * scale;
    let mut word = Lettering::new(draw, text, font, size);
    if draw.chance(0.15) {
        word.bend = draw.range(-0.012, 0.012);
    }
    let angle = if draw.chance(0.6) { upright(draw.turn()) } else { draw.normal(0.0, 0.06) };
    let red = draw.chance(0.08);
    (word, anywhere(draw, side), angle, red)
}

/// A large heading, often red.
fn large(draw: &mut Draw, side: f64) -> Placed {
    let text = if draw.chance(0.5) {
        format!("{}e", draw.count(1, 20))
    } else {
        let word = town_word(draw);
        if draw.chance(0.7) { word.to_uppercase() } else { word }
    };
    let font = plan_font(draw);
    let size = draw.range(36.0, 95.0);
    let word = Lettering::new(draw, text, font, size);
    let angle = if draw.chance(0.5) { 0.0 } else { draw.normal(0.0, 0.5) };
    let red = draw.chance(0.6);
    (word, anywhere(draw, side), angle, red)
}

/// A small house number, often red.
fn number(draw: &mut Draw, side: f64) -> Placed {
    let text = draw.count(1, 180).to_string();
    let font = if draw.chance(0.5) { Font::SansRegular } else { plan_font(draw) };
    let size = draw.range(10.0, 20.0);
    let word = Lettering::new(draw, text, font, size);
    let angle = upright(draw.turn());
    let red = draw.chance(0.5);
    (word, anywhere(draw, side), angle, red)
}

/// Draws a word unless too much of its place is taken; tries a few shifts first.
fn put(
    draw: &mut Draw,
    (word, place, angle): (Lettering, Coord<f64>, f64),
    (taken, crowded): (&mut Occupancy, bool),
    plane: &mut Plane,
) {
    let size = (word.width(), 0.75 * word.size);
    let mut at = place;
    let allowed = if crowded { 0.5 } else { 0.12 };
    for attempt in 0..4 {
        if taken.overlap(at, angle, size) <= allowed {
            break;
        }
        if attempt == 3 {
            if draw.chance(0.85) {
                return;
            }
            break;
        }
        at = place
            + unit(angle) * draw.normal(0.0, size.0)
            + normal(unit(angle)) * draw.normal(0.0, size.1);
    }
    taken.take(at, angle, size);
    word.draw(at, angle, plane);
}

/// Names and heights on open land.
pub(crate) fn land_names(draw: &mut Draw, plan: &Plan, amount: f64, ink: &mut TextInk) {
    let side = plan.side;
    let factor = (side / 640.0).powi(2).max(0.06);
    let mut taken = Occupancy::new(side);
    let serif = draw.chance(0.2);
    let scale = draw.range(0.8, 1.25);
    for _ in 0..draw.some(6.0, 28.0, factor * amount) {
        let font = match draw.weighted(&[0.62, 0.2, 0.1, 0.08]) {
            _ if serif => plan_font(draw),
            0 => Font::SansRegular,
            1 => Font::SansBold,
            2 => Font::SerifItalic,
            _ => Font::SerifRegular,
        };
        let text = land_word(draw);
        let height = text.chars().all(|c| c.is_ascii_digit());
        let size =
            if draw.chance(0.08) { draw.range(38.0, 64.0) } else { draw.log_range(15.0, 38.0) };
        let mut word = Lettering::new(draw, text, font, size * scale);
        word.condensed = draw.range(0.7, 1.05);
        if !height && draw.chance(0.3) {
            word.spacing += draw.range(0.05, 0.3);
        }
        let brown = height && draw.chance(0.4);
        let (place, angle) = match plan.spots.get(draw.count(0, plan.spots.len().max(1) - 1)) {
            Some(spot) if !brown && draw.chance(0.5) => {
                let away = unit(draw.turn()) * draw.range(15.0, 50.0);
                (spot.centre + away, draw.normal(0.0, 0.03))
            }
            _ if draw.chance(0.5) => (anywhere(draw, side), draw.normal(0.0, 0.06)),
            _ => (anywhere(draw, side), draw.range(-1.4, 1.4)),
        };
        if draw.chance(0.15) {
            word.bend = draw.range(-0.008, 0.008);
        }
        let plane = if brown { &mut ink.second } else { &mut ink.black };
        put(draw, (word, place, angle), (&mut taken, false), plane);
    }
}

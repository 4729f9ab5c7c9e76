//! A picture with the axes of shares from 0 to 1.

use super::svg::escaped;

/// Distances of the axes from the left, the top and the right edge, px.
const MARGINS: [f64; 3] = [64.0, 48.0, 24.0];
/// Sides of the square between the axes, px.
const SIDE: f64 = 360.0;
/// Below the axes, px.
const BELOW: f64 = 52.0;
/// Colours of curves, which those who mistake red for green can tell apart.
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444"];

/// The unit square in a picture.
pub(super) struct Frame {
    /// Free room below the labels, px.
    extra: f64,
    body: String,
}

impl Frame {
    /// Axes from 0 to 1 with their names and a title, above room for more.
    pub(super) fn new(title: &str, names: [&str; 2], extra: f64) -> Self {
        let [left, top, _] = MARGINS;
        let mut body = format!(
            "<text x=\"{left}\" y=\"28\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
            escaped(title)
        );
        for tick in 0..=5_u8 {
            let value = f64::from(tick) / 5.0;
            let [x, y] = place([value, value]);
            body += &format!(
                "<path d=\"M{x:.1} {top}v{SIDE}M{left} {y:.1}h{SIDE}\" stroke=\"#e2e2e2\"/>\n\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{value:.1}</text>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555\">{value:.1}</text>\n",
                top + SIDE + 18.0,
                left - 8.0,
                y + 4.0
            );
        }
        let middle = [left + SIDE / 2.0, top + SIDE / 2.0];
        body += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n\
             <text transform=\"translate(20 {}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
            middle[0],
            top + SIDE + 38.0,
            escaped(names[0]),
            middle[1],
            escaped(names[1])
        );
        body += &format!(
            "<rect x=\"{left}\" y=\"{top}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" \
             stroke=\"#888\"/>\n"
        );
        Self { extra, body }
    }

    /// Adds what stands in the picture.
    pub(super) fn push(&mut self, svg: &str) {
        self.body += svg;
    }

    /// Where the free room begins, px.
    pub(super) fn bottom() -> f64 {
        MARGINS[1] + SIDE + BELOW
    }

    /// A bar from the axis up, between two shares.
    pub(super) fn bar(&mut self, [from, to]: [f64; 2], height: f64, colour: &str) {
        let ([left, top], [right, base]) = (place([from, height]), place([to, 0.0]));
        self.body += &format!(
            "<rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{:.2}\" height=\"{:.2}\" \
             fill=\"{colour}\" stroke=\"#fff\" stroke-width=\"0.5\"/>\n",
            right - left,
            base - top
        );
    }

    /// An upright interval with its caps.
    pub(super) fn interval(&mut self, x: f64, [low, high]: [f64; 2], colour: &str) {
        let ([at, from], [_, to]) = (place([x, low]), place([x, high]));
        self.body += &format!(
            "<path d=\"M{at:.2} {from:.2}V{to:.2}M{:.2} {from:.2}h6M{:.2} {to:.2}h6\" \
             stroke=\"{colour}\" stroke-width=\"1.5\" fill=\"none\"/>\n",
            at - 3.0,
            at - 3.0
        );
    }

    /// A dot.
    pub(super) fn dot(&mut self, at: [f64; 2], colour: &str) {
        let [x, y] = place(at);
        self.body +=
            &format!("<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"3.5\" fill=\"{colour}\"/>\n");
    }

    /// The whole picture.
    pub(super) fn svg(self) -> String {
        let size = [MARGINS[0] + SIDE + MARGINS[2], Self::bottom() + self.extra];
        opening(size) + &self.body + "</svg>\n"
    }
}

/// The colour of a curve by its place.
pub(super) fn colour(index: usize) -> &'static str {
    COLOURS[index % COLOURS.len()]
}

/// A white picture of a width and height, px.
pub(super) fn opening([width, height]: [f64; 2]) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    )
}

/// Where a point of the unit square is drawn; others on its edge.
pub(super) fn place([x, y]: [f64; 2]) -> [f64; 2] {
    let share = |value: f64| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    [MARGINS[0] + SIDE * share(x), MARGINS[1] + SIDE * (1.0 - share(y))]
}

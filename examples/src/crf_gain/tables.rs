//! The tables of the experiments, as Markdown.

use mapvec_metrics::{BufferedCounts, Confusion};

use super::edges::{EdgeOutcome, KINDS};
use super::study::{COMPARED, GateSetting, Outcome, iou};
use crate::spread::spread;

/// Outcomes of a case, one for each seed.
#[derive(Debug, Clone)]
pub struct Row {
    /// The data set and how the network was trained.
    pub name: String,
    /// Names of the classes.
    pub classes: &'static [&'static str],
    /// One for each seed.
    pub outcomes: Vec<Outcome>,
}

impl Row {
    fn each(&self, value: impl Fn(&Outcome) -> f64) -> Vec<f64> {
        self.outcomes.iter().map(value).collect()
    }

    fn gain(&self, of: impl Fn(&Outcome) -> &Confusion) -> Vec<f64> {
        self.each(|outcome| 100.0 * (iou(of(outcome)) - iou(&outcome.network)))
    }

    /// How many times as fast a gate is, and how much of the mean gain it keeps, percent, where
    /// there is one.
    fn gate(&self, gate: usize) -> [String; 2] {
        let sum = |values: Vec<f64>| values.iter().sum::<f64>();
        let whole = sum(self.gain(|o| &o.searched));
        let kept = 100.0 * sum(self.gain(|o| &o.gated[gate])) / whole;
        let kept = if whole > 0.0 { format!("{kept:.0}") } else { "no gain".to_owned() };
        [spread(&self.each(|o| o.seconds[0] / o.seconds[gate + 1].max(1e-9)), 1), kept]
    }
}

/// Gains of all cases, of their classes, of gates and of trained layers.
#[must_use]
pub fn gains(rows: &[Row]) -> String {
    let mut text = String::from(
        "Mean IoU in percent and what the CRF adds to it, in points (mean and half range over the \
         seeds):\n\n| predictions | network | published parameters | searched | seeds that gain |\n\
         |---|---|---|---|---|\n",
    );
    for row in rows {
        let gains = row.gain(|o| &o.searched);
        let better = gains.iter().filter(|gain| **gain > 0.0).count();
        text += &format!(
            "| {} | {} | {} | {} | {better} of {} |\n",
            row.name,
            spread(&row.each(|o| 100.0 * iou(&o.network)), 1),
            spread(&row.gain(|o| &o.published), 1),
            spread(&gains, 1),
            gains.len(),
        );
    }
    text += "\nThe same by class (searched parameters):\n\n\
             | predictions | class | network | gain |\n|---|---|---|---|\n";
    for row in rows {
        for (class, name) in row.classes.iter().enumerate() {
            let of = |counts: &Confusion| 100.0 * counts.iou(class).unwrap_or(0.0);
            let gain = row.each(|o| of(&o.searched) - of(&o.network));
            let network = spread(&row.each(|o| of(&o.network)), 1);
            text += &format!("| {} | {name} | {network} | {} |\n", row.name, spread(&gain, 1));
        }
    }
    text += "\nGates (no margin): times of the whole field over those of the gated one (one thread, \
             medians of 5 by turns), and how much of the gain is kept. With a stride of 1 only \
             pixels below the confidence take part; with one of s the field runs on every s-th of \
             their rows and columns, colour deviations widened, and the others are updated from \
             there. \"Chosen\" is the gate of strides 3 and 4, widenings 1, 1.4 and 2 and confidences \
             0.8, 0.9 and 1 that scores best on the validation pictures:\n\n\
             | predictions | stride | widening | confidence | times as fast | gain kept, % |\n\
             |---|---|---|---|---|---|\n";
    for row in rows {
        let chosen = |value: fn(&GateSetting) -> f64| {
            let all = row.outcomes.iter().flat_map(|outcome| &outcome.chosen).map(value);
            format!("chosen: {}", spread(&all.collect::<Vec<_>>(), 1))
        };
        let first = [
            chosen(|gate| gate.stride as f64),
            chosen(|gate| gate.widening),
            chosen(|gate| f64::from(gate.confidence)),
        ];
        let others = COMPARED.map(|GateSetting { stride, widening, confidence }| {
            [stride.to_string(), widening.to_string(), confidence.to_string()]
        });
        for (gate, setting) in [first].iter().chain(&others).enumerate() {
            let [faster, kept] = row.gate(gate);
            text += &format!("| {} | {} | {faster} | {kept} |\n", row.name, setting.join(" | "));
        }
    }
    text += "\nAs a layer with the searched parameters, before and after training on the validation \
             pictures, gains over the network:\n\n\
             | predictions | fixed | trained | trained - fixed | seeds where trained is better |\n\
             |---|---|---|---|---|\n";
    for row in rows {
        let more = row.each(|o| 100.0 * (iou(&o.layer[1]) - iou(&o.layer[0])));
        text += &format!(
            "| {} | {} | {} | {} | {} of {} |\n",
            row.name,
            spread(&row.gain(|o| &o.layer[0]), 1),
            spread(&row.gain(|o| &o.layer[1]), 1),
            spread(&more, 1),
            more.iter().filter(|more| **more > 0.0).count(),
            more.len(),
        );
    }
    text
}

/// Scores of edges, percent.
#[must_use]
pub fn edges(outcomes: &[EdgeOutcome]) -> String {
    let mut text = String::from(
        "Edges of pattern scenes by a U-Net with a CRF after it, precision, recall and F1 in \
         percent:\n\n| scenes | edges by | precision | recall | F1 | F1 of vertices |\n\
         |---|---|---|---|---|---|\n",
    );
    let methods = ["network", "CRF, searched", "CRF, published parameters"];
    for (kind, (_, name)) in KINDS.iter().enumerate() {
        for (method, by) in methods.iter().enumerate() {
            let all = |value: &dyn Fn(BufferedCounts, BufferedCounts) -> Option<f64>| {
                let of = |outcome: &EdgeOutcome| {
                    let scores = outcome.scores[kind][method];
                    100.0 * value(scores.edges, scores.vertices).unwrap_or(0.0)
                };
                spread(&outcomes.iter().map(of).collect::<Vec<_>>(), 1)
            };
            text += &format!(
                "| {name} | {by} | {} | {} | {} | {} |\n",
                all(&|edges, _| edges.score().precision),
                all(&|edges, _| edges.score().recall),
                all(&|edges, _| edges.score().f1),
                all(&|_, vertices| vertices.score().f1),
            );
        }
    }
    text
}

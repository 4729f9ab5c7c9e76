//! Edges of a U-Net with a dense CRF after it, where edges are sparse and where they are dense.

use anyhow::Result;
use mapvec_data::Progress;
use mapvec_geometry::{CentrelineConfig, centrelines, thin};
use mapvec_metrics::{BufferedCounts, buffered_lines};
use mapvec_postprocess::crf::DenseCrfConfig;
use ndarray::Array2;

use super::cases::SIDE;
use super::scenes::{PatternKind, Patterns, Target, pattern_scenes};
use super::study::{Seen, look, searched, whole};
use super::training::{PointTraining, train};

/// Distance in pixels within which an edge counts as found.
pub const EDGE_BUFFER: f64 = 1.0;
/// The same of a vertex.
pub const VERTEX_BUFFER: f64 = 2.0;

/// How much is trained and drawn.
#[derive(Debug, Clone, Copy)]
pub struct EdgeCase {
    /// Scenes of each kind that the network is trained on.
    pub scenes: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Scenes of each kind to choose on, and as many to score on.
    pub held_back: usize,
}

/// The case of the table.
pub const EDGES: EdgeCase = EdgeCase { scenes: 96, steps: 400, held_back: 24 };

/// Scores of edges and of their vertices.
#[derive(Debug, Clone, Copy, Default)]
pub struct EdgeScores {
    /// Thinned edges.
    pub edges: BufferedCounts,
    /// Vertices of the simplified lines along them.
    pub vertices: BufferedCounts,
}

/// Sparse and dense scenes, each by the network, the searched CRF and the published one.
#[derive(Debug, Clone)]
pub struct EdgeOutcome {
    /// By kind of scene, then by method.
    pub scores: [[EdgeScores; 3]; 2],
    /// The first scenes of each kind.
    pub seen: [Seen; 2],
    /// The parameters that were found.
    pub crf: DenseCrfConfig,
}

/// The kinds of scenes.
pub const KINDS: [(PatternKind, &str); 2] =
    [(PatternKind::Sparse, "sparse"), (PatternKind::Dense, "dense")];

/// Trains a network on edges of both kinds of scenes, chooses parameters on both, and scores
/// each by itself.
///
/// # Errors
/// A setting is out of range, or the training diverges.
pub fn edge_study(case: &EdgeCase, seed: u64, progress: &dyn Progress) -> Result<EdgeOutcome> {
    let draw = |part: u64, count, kind| {
        let patterns = Patterns { size: SIDE, noise: 20.0, kind, target: Target::Edges };
        pattern_scenes(3 * seed + part, count, patterns)
    };
    let both = |part, count| -> Result<Vec<_>> {
        Ok([draw(part, count, KINDS[0].0)?, draw(part, count, KINDS[1].0)?].concat())
    };
    let training =
        PointTraining { classes: 2, points: None, steps: case.steps, batch: 8, crop: SIDE, seed };
    let network = train(&both(0, case.scenes)?, &training, progress)?;
    let crf = searched(&look(&network, &both(1, case.held_back)?)?)?;
    let published = DenseCrfConfig::default();
    let methods = [(&crf, 0), (&crf, 5), (&published, 5)];
    let study = |kind: PatternKind| -> Result<([EdgeScores; 3], Seen)> {
        let seen = look(&network, &draw(2, case.held_back, kind)?)?;
        let mut scores = [EdgeScores::default(); 3];
        for picture in &seen {
            let truth = picture.scene.truth.mapv(|edge| edge == 1);
            for (score, (crf, iterations)) in scores.iter_mut().zip(methods) {
                let found = whole(picture, crf, iterations)?.mapv(|class| class == 1);
                let (found, truth) = (thin(found.view()), thin(truth.view()));
                score.edges += buffered_lines(found.view(), truth.view(), EDGE_BUFFER)?;
                let (found, truth) = (vertices(&found)?, vertices(&truth)?);
                score.vertices += buffered_lines(found.view(), truth.view(), VERTEX_BUFFER)?;
            }
        }
        Ok((scores, seen[0].clone()))
    };
    let (sparse, dense) = (study(KINDS[0].0)?, study(KINDS[1].0)?);
    Ok(EdgeOutcome { scores: [sparse.0, dense.0], seen: [sparse.1, dense.1], crf })
}

/// The vertices of the simplified lines along thin edges.
#[expect(clippy::cast_sign_loss, reason = "vertices lie in the picture")]
fn vertices(edges: &Array2<bool>) -> Result<Array2<bool>> {
    let mut out = Array2::from_elem(edges.dim(), false);
    for line in centrelines(edges.view(), &CentrelineConfig::default())? {
        for vertex in &line.line {
            if let Some(place) = out.get_mut((vertex.y as usize, vertex.x as usize)) {
                *place = true;
            }
        }
    }
    Ok(out)
}

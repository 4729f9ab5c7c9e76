//! Whether a loss reaches every parameter.

use std::fmt;

use candle_core::Var;
use candle_core::backprop::GradStore;

use crate::error::Result;
use crate::host::doubles;

/// Parameters whose gradients are not what training needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GradientDefects {
    /// Parameters without a gradient: the loss does not depend on them, or an operation recorded
    /// nothing.
    pub missing: Vec<String>,
    /// Parameters whose gradient is zero everywhere.
    pub zero: Vec<String>,
    /// Parameters whose gradient holds NaN or infinity.
    pub non_finite: Vec<String>,
}

impl GradientDefects {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.zero.is_empty() && self.non_finite.is_empty()
    }
}

impl std::error::Error for GradientDefects {}

impl fmt::Display for GradientDefects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the loss does not train every parameter")?;
        let lists = [
            ("without a gradient", &self.missing),
            ("with a gradient of zero", &self.zero),
            ("with a gradient that is not finite", &self.non_finite),
        ];
        for (what, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
            write!(f, "; {what}: {}", names.join(", "))?;
        }
        Ok(())
    }
}

/// Checks that every parameter has a gradient that is finite and not zero everywhere.
///
/// For the test of a model: `check_gradients_reach(&loss.backward()?, &store.trainable())`. A
/// forgotten branch, a detached tensor or an operation without a gradient shows up here and nowhere
/// else: training goes on without them.
///
/// # Errors
///
/// [`Error::GradientDefects`](crate::Error::GradientDefects) lists every parameter that fails;
/// those of the device.
pub fn check_gradients_reach(grads: &GradStore, parameters: &[(String, Var)]) -> Result<()> {
    let mut defects = GradientDefects::default();
    for (name, var) in parameters {
        let Some(gradient) = grads.get(var) else {
            defects.missing.push(name.clone());
            continue;
        };
        // The maximum may hide NaN, the sum of magnitudes does not.
        let size: f64 = doubles(gradient)?.iter().map(|v| v.abs()).sum();
        if !size.is_finite() {
            defects.non_finite.push(name.clone());
        } else if size <= 0.0 {
            defects.zero.push(name.clone());
        }
    }
    if defects.is_empty() { Ok(()) } else { Err(defects.into()) }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;
    use crate::error::Error;

    fn var(values: &[f32]) -> Var {
        Var::from_tensor(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap()
    }

    #[test]
    fn every_defect_is_listed() {
        let (good, dead, lost, broken) = (var(&[1.0, 2.0]), var(&[3.0]), var(&[4.0]), var(&[0.0]));
        let all = [("good", &good), ("dead", &dead), ("lost", &lost), ("broken", &broken)];
        let parameters: Vec<_> =
            all.iter().map(|(name, var)| ((*name).to_owned(), (*var).clone())).collect();
        let zero = crate::relu(&dead.neg().unwrap()).unwrap();
        let infinite = broken.as_tensor().log().unwrap();
        let sum = |x: &Tensor| x.sum_all().unwrap();
        let loss = (sum(&good.sqr().unwrap()) + sum(&zero)).unwrap();
        let loss = ((loss + sum(&lost.detach())).unwrap() + sum(&infinite)).unwrap();
        let grads = loss.backward().unwrap();
        let Err(Error::GradientDefects(defects)) = check_gradients_reach(&grads, &parameters)
        else {
            panic!("three of four are bad");
        };
        assert_eq!(
            (&defects.missing[..], &defects.zero[..]),
            (&["lost".to_owned()][..], &["dead".to_owned()][..])
        );
        assert_eq!(defects.non_finite, ["broken"]);
        let text = defects.to_string();
        assert!(text.contains("without a gradient: lost; with a gradient of zero: dead"), "{text}");
        assert!(check_gradients_reach(&grads, &parameters[..1]).is_ok(), "the good one");
    }
}

//! One fused pass of `AdamW` over a parameter.

/// Factors of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factors {
    /// Weights of the old and the new value in the first moment.
    pub(crate) first: (f32, f32),
    /// Weights of the old and the new value in the second moment.
    pub(crate) second: (f32, f32),
    /// Learning rate over the bias correction of the first moment.
    pub(crate) rate: f32,
    /// One over the square root of the bias correction of the second moment.
    pub(crate) correction: f32,
    /// Added to the denominator.
    pub(crate) eps: f32,
    /// Factor of the parameter before the step: one minus rate times decay.
    pub(crate) keep: f32,
}

/// Updates the parameter and both moments in place.
pub(crate) fn update(
    f: &Factors,
    parameter: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    let moments = first.iter_mut().zip(second);
    for ((p, g), (m, v)) in parameter.iter_mut().zip(gradient).zip(moments) {
        *m = f.first.0 * *m + f.first.1 * g;
        *v = f.second.0 * *v + f.second.1 * g * g;
        *p = f.keep * *p - f.rate * *m / (v.sqrt() * f.correction + f.eps);
    }
}

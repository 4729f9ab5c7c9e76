//! The loop: batch, loss, gradients, step, history, checkpoint.

use candle_core::Tensor;
use mapvec_data::Progress;
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore, Schedule, gradient_norm};

use crate::checkpoint::{Checkpoint, RunState};
use crate::{Error, History, Result, TrainConfig};

/// A loss with its parts.
#[derive(Debug)]
pub struct StepLoss {
    /// The scalar that is minimised.
    pub loss: Tensor,
    /// Its parts by name, for the history.
    pub terms: Vec<(String, f64)>,
}

/// Trains the parameters of a store, one step at a time.
///
/// A run that is saved after step n and resumed makes the same steps n + 1, n + 2, …
/// bit for bit as one that was not interrupted, provided that the batches depend on
/// the step only.
#[derive(Debug)]
pub struct Trainer {
    config: TrainConfig,
    store: ParameterStore,
    optimizer: Optimizer,
    schedule: Schedule,
    step: u64,
    history: History,
}

impl Trainer {
    /// A trainer of all trainable parameters of `store`, at step 0.
    ///
    /// # Errors
    /// A field of `config` is outside its range.
    pub fn new(store: &ParameterStore, config: &TrainConfig) -> Result<Self> {
        config.validate()?;
        let adamw = AdamWConfig {
            learning_rate: config.learning_rate,
            weight_decay: config.weight_decay,
            ..AdamWConfig::default()
        };
        Ok(Self {
            optimizer: Optimizer::new(store.trainable(), &adamw)?,
            schedule: config.schedule(),
            config: config.clone(),
            store: store.clone(),
            step: 0,
            history: History::default(),
        })
    }

    /// A trainer that goes on where `checkpoint` was made.
    ///
    /// # Errors
    /// The checkpoint was made with other settings or another model.
    pub fn resume(
        store: &ParameterStore,
        config: &TrainConfig,
        checkpoint: &Checkpoint,
    ) -> Result<Self> {
        if checkpoint.state.config != *config {
            let reason = "it was made with other settings; pass the same ones".to_owned();
            return Err(Error::Checkpoint { reason });
        }
        let mut trainer = Self::new(store, config)?;
        store.load_bytes(&checkpoint.model)?;
        trainer.optimizer.load_state_bytes(&checkpoint.optimizer)?;
        trainer.step = checkpoint.state.step;
        trainer.history = checkpoint.state.history.clone();
        Ok(trainer)
    }

    /// Number of steps done.
    #[must_use]
    pub fn step(&self) -> u64 {
        self.step
    }

    /// What was measured so far.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The whole state of the run.
    ///
    /// # Errors
    /// The tensors cannot be encoded.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        let state = RunState {
            step: self.step,
            config: self.config.clone(),
            history: self.history.clone(),
        };
        Ok(Checkpoint {
            model: self.store.to_bytes()?,
            optimizer: self.optimizer.state_bytes()?,
            state,
        })
    }

    /// One optimiser step on the loss that `forward` computes for a batch.
    ///
    /// # Errors
    /// [`Error::Diverged`] when the loss is not finite, [`Error::Nn`] with the name of the
    /// parameter when its gradient is not (the parameters are left as they were; running
    /// statistics of batch norms have moved), and whatever `forward` returns.
    pub fn train_step(&mut self, forward: impl FnOnce() -> Result<StepLoss>) -> Result<f64> {
        let learning_rate = self.schedule.learning_rate(self.config.learning_rate, self.step);
        self.optimizer.set_learning_rate(learning_rate)?;
        let StepLoss { loss, terms } = forward()?;
        let value = f64::from(loss.to_scalar::<f32>()?);
        if !value.is_finite() {
            return Err(Error::Diverged { loss: value, step: self.step, learning_rate });
        }
        let gradients = loss.backward()?;
        // No step along a gradient that is not finite.
        if self.config.clip_norm > 0.0 {
            self.optimizer.step_clipped(&gradients, self.config.clip_norm)?;
        } else {
            gradient_norm(&gradients, &self.store.trainable())?;
            self.optimizer.step(&gradients)?;
        }
        self.step += 1;
        let close =
            self.step.is_multiple_of(self.config.log_every) || self.step == self.config.steps;
        self.history.record((self.step, learning_rate), value, terms, close);
        Ok(value)
    }

    /// Runs all remaining steps.
    ///
    /// `batch` yields the batch of a step (0 is the first), `forward` its loss, and
    /// `after` is called after every step, for checkpoints and validation. Batches
    /// are made one ahead on a thread of their own.
    ///
    /// # Errors
    /// The first error of `batch`, `forward` or `after`, or a diverged loss.
    pub fn fit<B: Send>(
        &mut self,
        batch: impl Fn(u64) -> Result<B> + Send,
        mut forward: impl FnMut(B) -> Result<StepLoss>,
        mut after: impl FnMut(&Self) -> Result<()>,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (first, steps) = (self.step, self.config.steps);
        progress.begin("train", steps.saturating_sub(first));
        let (send, receive) = std::sync::mpsc::sync_channel(1);
        std::thread::scope(|scope| -> Result<()> {
            // Owned by the closure: an early return drops it and ends the thread.
            let receive = receive;
            scope.spawn(move || {
                for step in first..steps {
                    let made = batch(step);
                    let failed = made.is_err();
                    if send.send(made).is_err() || failed {
                        break;
                    }
                }
            });
            let mut smooth: Option<f64> = None;
            while self.step < steps {
                let step = self.step;
                let batch = receive.recv().map_err(|_| Error::BatchesEnded { step, steps })??;
                let loss = self.train_step(|| forward(batch))?;
                let mean = smooth.map_or(loss, |s| 0.95 * s + 0.05 * loss);
                smooth = Some(mean);
                progress.message(&format!("loss {mean:.4}"));
                progress.advance(1);
                after(self)?;
            }
            Ok(())
        })?;
        progress.end();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};
    use mapvec_data::Silent;

    use super::*;
    use crate::ScheduleKind;

    fn config(steps: u64) -> TrainConfig {
        let schedule = ScheduleKind::OneCycle;
        TrainConfig {
            steps,
            batch: 1,
            learning_rate: 0.05,
            schedule,
            log_every: 2,
            ..Default::default()
        }
    }

    fn store() -> (ParameterStore, Tensor) {
        let store = ParameterStore::new(5, DType::F32, &Device::Cpu);
        let weight =
            store.var_builder().get_with_hints((4, 3), "w", candle_nn::Init::Const(0.3)).unwrap();
        (store, weight)
    }

    /// Least squares towards a target that depends on the step.
    fn loss(weight: &Tensor, step: u64) -> Result<StepLoss> {
        let data: Vec<f32> = (0..12_u64).map(|i| ((i * 7 + step * 3) % 11) as f32 / 11.0).collect();
        let target = Tensor::from_vec(data, (4, 3), &Device::Cpu)?;
        let loss = (weight - target)?.sqr()?.mean_all()?;
        Ok(StepLoss { terms: vec![("mse".to_owned(), 1.0)], loss })
    }

    fn values(store: &ParameterStore) -> Vec<u32> {
        let weight = store.get("w").unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        weight.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn resumes_bit_for_bit_and_learns() {
        let (straight, weight) = store();
        let mut trainer = Trainer::new(&straight, &config(10)).unwrap();
        trainer.fit(Ok, |s| loss(&weight, s), |_| Ok(()), &Silent).unwrap();
        assert_eq!((trainer.step(), trainer.history().entries.len()), (10, 5));
        let losses: Vec<f64> = trainer.history().entries.iter().map(|e| e.loss).collect();
        assert!(losses[4] < losses[0], "{losses:?}");

        let (first, weight) = store();
        let mut trainer = Trainer::new(&first, &config(10)).unwrap();
        for step in 0..5 {
            trainer.train_step(|| loss(&weight, step)).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        trainer.checkpoint().unwrap().save(&path).unwrap();
        let (second, weight) = store();
        let mut resumed =
            Trainer::resume(&second, &config(10), &Checkpoint::load(&path).unwrap()).unwrap();
        resumed.fit(Ok, |s| loss(&weight, s), |_| Ok(()), &Silent).unwrap();
        assert_eq!(values(&straight), values(&second));
        assert_eq!(resumed.history().entries.len(), 5);
    }

    #[test]
    fn errors_come_back_and_end_the_batch_thread() {
        let (store, weight) = store();
        let mut trainer = Trainer::new(&store, &config(10)).unwrap();
        let bad = |s: u64| -> Result<StepLoss> {
            if s == 3 { Err(Error::Plot("stop".to_owned())) } else { loss(&weight, s) }
        };
        assert!(trainer.fit(Ok, bad, |_| Ok(()), &Silent).is_err(), "the closure's error");
        assert_eq!(trainer.step(), 3);
        let before = values(&store);
        let nan = || Ok(StepLoss { loss: (weight.sum_all()? * f64::NAN)?, terms: vec![] });
        assert!(
            matches!(trainer.train_step(nan), Err(Error::Diverged { step: 3, .. })),
            "NaN is an error"
        );
        assert_eq!(before, values(&store), "a diverged step changes nothing");
    }
}

//! Which shard a job writes.

use crate::error::{Error, Result};

/// What schedulers call the number of a job in its array.
const VARIABLES: [&str; 4] = [
    "SLURM_ARRAY_TASK_ID",
    "AWS_BATCH_JOB_ARRAY_INDEX",
    "JOB_COMPLETION_INDEX",
    "CLOUD_RUN_TASK_INDEX",
];

/// The number of the shard to write: the caller's, or the one that the scheduler set.
///
/// The variables of Slurm (`SLURM_ARRAY_TASK_ID`), AWS Batch
/// (`AWS_BATCH_JOB_ARRAY_INDEX`), Kubernetes (`JOB_COMPLETION_INDEX`) and Cloud Run
/// (`CLOUD_RUN_TASK_INDEX`) are looked at. There is no default: jobs that all write shard
/// 0 by mistake would look like success.
///
/// # Errors
///
/// [`Error::ShardIndex`] when nothing names a shard, two variables differ, or the number
/// is not below `shards`.
pub fn shard_index(flag: Option<usize>, shards: usize) -> Result<usize> {
    shard_index_with(flag, shards, &|name| {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    })
}

/// As [`shard_index`], with the environment given as a function from name to value.
///
/// # Errors
///
/// As [`shard_index`].
pub fn shard_index_with(
    flag: Option<usize>,
    shards: usize,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<usize> {
    let wrong = |reason| Err(Error::ShardIndex { reason });
    if let Some(index) = flag {
        if index < shards {
            return Ok(index);
        }
        return wrong(format!("--shard {index} is not in 0 to {}", shards.saturating_sub(1)));
    }
    let mut found: Option<(&str, usize)> = None;
    for name in VARIABLES {
        let Some(value) = variable(name) else { continue };
        let index = value.trim().parse::<usize>().ok().filter(|index| *index < shards);
        let Some(index) = index else {
            return wrong(format!(
                "{name} is {value:?}, which is no number in 0 to {}; let the array of jobs \
                 begin at 0, or pass --shard",
                shards.saturating_sub(1)
            ));
        };
        match found {
            Some((other, earlier)) if earlier != index => {
                return wrong(format!("{other} is {earlier} but {name} is {index}; pass --shard"));
            }
            Some(_) => {}
            None => found = Some((name, index)),
        }
    }
    match found {
        Some((_, index)) => Ok(index),
        None => wrong(format!(
            "pass --shard with a number in 0 to {}, or set one of {}",
            shards.saturating_sub(1),
            VARIABLES.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(flag: Option<usize>, variables: &[(&str, &str)]) -> Result<usize> {
        shard_index_with(flag, 16, &|name| {
            let found = variables.iter().find(|(variable, _)| *variable == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_shard_must_be_named() {
        let message = with(None, &[]).unwrap_err().to_string();
        assert!(message.contains("--shard") && VARIABLES.iter().all(|v| message.contains(v)));
        for name in VARIABLES {
            assert_eq!(with(None, &[(name, "15")]).unwrap(), 15);
            assert_eq!(with(Some(3), &[(name, "15")]).unwrap(), 3, "the flag is stronger");
            for nonsense in ["16", "-1", "", "four", "1e1", "18446744073709551616"] {
                let error = with(None, &[(name, nonsense)]).unwrap_err();
                assert!(matches!(error, Error::ShardIndex { .. }), "{error}");
                assert!(error.to_string().contains(name), "{error}");
            }
        }
        assert!(with(Some(16), &[]).is_err());
        let two = [("SLURM_ARRAY_TASK_ID", "1"), ("JOB_COMPLETION_INDEX", "2")];
        assert!(with(None, &two).is_err(), "which of them?");
    }
}

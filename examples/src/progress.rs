//! A progress bar on a terminal, plain lines elsewhere.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "examples talk to people")]

use std::io::{IsTerminal, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use mapvec_data::Progress;

/// Prints one line on standard output.
pub fn say(line: &str) {
    // Whoever reads may have read enough: `| head` closes the pipe.
    writeln!(std::io::stdout(), "{line}").unwrap_or_default();
}

/// Prints one line on standard error.
pub fn warn(line: &str) {
    eprintln!("{line}");
}

/// Shows the progress of long work on standard error.
#[derive(Debug)]
pub struct Bar {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    bar: Option<ProgressBar>,
    stage: String,
    text: String,
    done: u64,
    total: u64,
    started: Instant,
    printed: Instant,
}

/// Without a terminal one line is printed at most this often.
const INTERVAL: Duration = Duration::from_secs(10);

impl Default for Bar {
    fn default() -> Self {
        let now = Instant::now();
        let state = State {
            bar: None,
            stage: String::new(),
            text: String::new(),
            done: 0,
            total: 0,
            started: now,
            printed: now,
        };
        Self { terminal: std::io::stderr().is_terminal(), state: Mutex::new(state) }
    }
}

impl Bar {
    fn with(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

impl State {
    fn line(&self) -> String {
        let seconds = self.started.elapsed().as_secs_f64();
        let (stage, done, total) = (&self.stage, self.done, self.total);
        let rate = done as f64 / seconds.max(1e-9);
        let left = if done == 0 {
            String::new()
        } else {
            format!(", {rate:.1}/s, {:.0} s left", total.saturating_sub(done) as f64 / rate)
        };
        format!("{stage} {done}/{total} {} {seconds:.1} s{left}", self.text)
    }
}

impl Progress for Bar {
    fn begin(&self, stage: &str, total: u64) {
        self.with(|s| {
            s.stage = stage.to_owned();
            s.text.clear();
            (s.done, s.total) = (0, total);
            (s.started, s.printed) = (Instant::now(), Instant::now());
            s.bar = self.terminal.then(|| {
                let template = "{prefix:>10} [{bar:40}] {pos}/{len} {msg} {per_sec} ({eta} left)";
                let style = ProgressStyle::with_template(template);
                let bar = ProgressBar::new(total).with_prefix(s.stage.clone());
                match style {
                    Ok(style) => bar.with_style(style.progress_chars("=> ")),
                    Err(_) => bar,
                }
            });
        });
    }

    fn advance(&self, steps: u64) {
        self.with(|s| {
            s.done += steps;
            if let Some(bar) = &s.bar {
                bar.inc(steps);
            } else if s.printed.elapsed() >= INTERVAL {
                s.printed = Instant::now();
                warn(&s.line());
            }
        });
    }

    fn message(&self, text: &str) {
        self.with(|s| {
            text.clone_into(&mut s.text);
            if let Some(bar) = &s.bar {
                bar.set_message(text.to_owned());
            }
        });
    }

    fn end(&self) {
        self.with(|s| match s.bar.take() {
            Some(bar) => bar.finish_and_clear(),
            None => warn(&s.line()),
        });
    }
}

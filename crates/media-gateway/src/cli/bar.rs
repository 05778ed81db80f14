//! Progress, on standard error: a bar on a terminal, elsewhere a line now and then.

use std::{
    io::IsTerminal as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// How often something is said where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// For a download.
pub fn bytes() -> ProgressBar {
    styled("{msg:32} {bar:30} {bytes:>10} of {total_bytes}")
}

/// For rows or titles.
pub fn rows() -> Rows {
    let spoken = (!std::io::stderr().is_terminal()).then(|| Mutex::new(Instant::now()));
    Rows { bar: styled("{msg:40} {bar:30} {percent:>3} %  {elapsed}"), spoken }
}

/// How far rows or titles are.
pub struct Rows {
    bar: ProgressBar,
    /// Where no bar is drawn: when something was last said.
    spoken: Option<Mutex<Instant>>,
}

impl Rows {
    /// Says how far it is. `done` and `total` are of the same unit, where the whole is known.
    pub fn at(&self, done: u64, total: Option<u64>, message: String) {
        if let Some(total) = total {
            self.bar.set_length(total);
            self.bar.set_position(done);
        }
        if let Some(last) = &self.spoken {
            let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= EVERY {
                *last = Instant::now();
                eprintln!("{message}");
            }
        }
        self.bar.set_message(message);
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn styled(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

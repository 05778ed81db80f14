//! Progress bars: on a terminal only, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// For a download.
pub fn bytes() -> ProgressBar {
    styled("{msg:32} {bar:30} {bytes:>10} of {total_bytes}")
}

/// For rows or titles.
pub fn rows() -> ProgressBar {
    styled("{msg:40} {bar:30} {percent:>3} %  {elapsed}")
}

fn styled(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

//! What the service makes of telephone numbers, a line each, for the judge in `.ci/numbers`.

use std::io::{BufRead as _, Write as _};

use sfm_core::phone::E164;

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        match line?.parse::<E164>() {
            Ok(number) => writeln!(out, "{number} {}", if number.is_costly() { "costly" } else { "ordinary" })?,
            Err(e) => writeln!(out, "- {e}")?,
        }
    }
    out.flush()
}

//! `sfm document bench`: the same documents through ours and through the programs that others use.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::CommandError;

/// One way to make fax pages of a PDF. Each is a whole process, as someone would start it.
struct Way {
    name: &'static str,
    /// Programs that must be there.
    needs: &'static [&'static str],
    /// The shell's words; `$1` is the document, `$2` a folder for what comes out, `$0` this program.
    script: &'static str,
}

const WAYS: [Way; 5] = [
    Way { name: "sfm 1", needs: &[], script: r#""$0" document convert "$1" "$2/out.pdf" --threads 1"# },
    Way { name: "sfm 2", needs: &[], script: r#""$0" document convert "$1" "$2/out.pdf" --threads 2"# },
    Way {
        name: "gs tiffg4",
        needs: &["gs"],
        script: r#"gs -q -dSAFER -dNOPAUSE -dBATCH -sDEVICE=tiffg4 -r204x196 -sOutputFile="$2/out.tif" "$1""#,
    },
    Way {
        name: "poppler+tiffcp",
        needs: &["pdftoppm", "tiffcp"],
        script: r#"pdftoppm -mono -tiff -rx 204 -ry 196 "$1" "$2/page" && tiffcp -c g4 "$2"/page*.tif "$2/out.tif" && rm "$2"/page*"#,
    },
    Way { name: "mutool pbm", needs: &["mutool"], script: r#"mutool draw -q -r 204 -F pbm -o "$2/page%d.pbm" "$1""# },
];

/// Prints a row a document: seconds of each way, and bytes that came out. A way that fails shows a dash, as does its sum; one that is not
/// installed is left out.
pub fn table(files: &[PathBuf], runs: u32, mut print: impl FnMut(&str) -> Result<(), CommandError>) -> Result<(), CommandError> {
    let failed = |e: std::io::Error| CommandError::new("unavailable", e.to_string());
    let folder = std::env::temp_dir().join(format!("sfm-bench-{}", std::process::id()));
    let itself = std::env::current_exe().map_err(failed)?;
    let ways: Vec<&Way> = WAYS.iter().filter(|way| way.needs.iter().all(|program| is_installed(program))).collect();
    let mut row = format!("{:<32}", "seconds (bytes out)");
    ways.iter().for_each(|way| write!(row, "{:>24}", way.name).unwrap_or_default());
    print(&format!("{row}\n"))?;
    let mut totals = vec![Some(Duration::ZERO); ways.len()];
    for (file, number) in files.iter().zip(1..) {
        eprintln!("document {number} of {}", files.len());
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut row = format!("{:<32}", name.chars().take(31).collect::<String>());
        // In turns, so that a noisy moment strikes all alike.
        let mut best: Vec<Option<(Duration, u64)>> = vec![None; ways.len()];
        for _ in 0..runs {
            for (way, best) in ways.iter().zip(&mut best) {
                fs::create_dir_all(&folder).map_err(failed)?;
                if let Some(run) = run(way, &itself, file, &folder) {
                    *best = Some(best.map_or(run, |best| best.min(run)));
                }
                fs::remove_dir_all(&folder).map_err(failed)?;
            }
        }
        for (best, total) in best.iter().zip(&mut totals) {
            *total = total.zip(*best).map(|(total, (time, _))| total + time);
            let cell = best.map_or("-".to_owned(), |(time, bytes)| format!("{:.3} ({bytes})", time.as_secs_f64()));
            write!(row, "{cell:>24}").unwrap_or_default();
        }
        print(&format!("{row}\n"))?;
    }
    let mut row = format!("{:<32}", "in all");
    for total in totals {
        let cell = total.map_or("-".to_owned(), |total| format!("{:.3}", total.as_secs_f64()));
        write!(row, "{cell:>24}").unwrap_or_default();
    }
    print(&format!("{row}\n"))
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).is_file())
}

/// How long it took, and how many bytes came out; nothing when it failed.
fn run(way: &Way, itself: &Path, file: &Path, folder: &Path) -> Option<(Duration, u64)> {
    let started = Instant::now();
    let mut command = Command::new("sh");
    // No document is worth more than a minute of processor time.
    command
        .arg("-c")
        .arg(format!("ulimit -t 60; {}", way.script))
        .arg(itself)
        .arg(file)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let done = command.status().ok()?;
    let time = started.elapsed();
    let sizes = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.metadata().ok()).map(|data| data.len());
    done.success().then_some((time, sizes.sum()))
}

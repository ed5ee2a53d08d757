//! Every line of level WARN or ERROR stands in the table of docs/operations.md with its level, and nothing else does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The lines that the functions' sources write: level and message, which is the last text of the call.
fn written(folder: &Path, lines: &mut BTreeSet<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, lines);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for level in ["warn", "error"] {
                for (at, call) in text.match_indices(&format!("tracing::{level}!(")) {
                    // A call ends where its parentheses do; texts have none that are alone.
                    let mut depth = 0;
                    let rest = &text[at + call.len() - 1..];
                    let end = rest.char_indices().find_map(|(i, c)| {
                        depth += i32::from(c == '(') - i32::from(c == ')');
                        (depth == 0).then_some(i)
                    });
                    let message = rest[..end.unwrap()].rsplit('"').nth(1).unwrap_or_else(|| panic!("{}: no message", path.display()));
                    lines.insert((level.to_uppercase(), message.to_owned()));
                }
            }
        }
    }
}

#[test]
fn the_table_of_the_operator_has_every_line_with_its_level() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut lines = BTreeSet::new();
    written(&root.join("functions"), &mut lines);
    for part in fs::read_dir(root.join("shared")).unwrap().map(|entry| entry.unwrap()) {
        // The local stack is nobody's operation, and the command line's answers are no log.
        if !["local", "simulator", "sfm"].iter().any(|name| part.file_name() == *name) {
            written(&part.path().join("src"), &mut lines);
        }
    }
    let manual = fs::read_to_string(root.join("docs/operations.md")).unwrap();
    let section = manual.split("## What a log line asks for").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let message = cells.get(2)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((cells[1].to_owned(), message.to_owned()))
    });
    let table: BTreeSet<_> = rows.collect();
    assert!(lines.len() > 25, "{lines:?}");
    assert_eq!(lines.difference(&table).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "written, and not in the table");
    assert_eq!(table.difference(&lines).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "in the table, and never written");
}

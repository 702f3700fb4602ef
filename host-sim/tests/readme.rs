//! The README shows what the commands really print.

use std::path::Path;
use std::process::Command;

/// The commands of the README's console blocks, each with what is shown below it.
fn examples(readme: &str) -> Vec<(String, String)> {
    let mut examples: Vec<(String, String)> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        for line in block.lines() {
            match (line.strip_prefix("$ "), examples.last_mut()) {
                (Some(command), _) => examples.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("output without a command: {line}"),
            }
        }
    }
    examples
}

#[test]
fn examples_print_what_they_show() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let examples = examples(&readme);
    let own = examples.iter().filter_map(|(command, shown)| {
        command
            .strip_prefix("palisade ")
            .map(|arguments| (arguments, shown))
    });
    let mut count = 0;
    for (arguments, shown) in own {
        let program = env!("CARGO_BIN_EXE_palisade");
        let output = Command::new("sh")
            .args(["-c", &format!("'{program}' {arguments} 2>&1")])
            .current_dir(root)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            *shown,
            "{arguments}"
        );
        count += 1;
    }
    assert!(count >= 4, "only {count} examples");
}

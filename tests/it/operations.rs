//! What the pages tell operators to type and to watch is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::Folder;

fn text(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).expect(file)
}

/// What stands behind the program's name in a page's blocks of shell.
fn calls(page: &str) -> Vec<String> {
    let (mut calls, mut is_shell) = (Vec::new(), false);
    for line in page.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
        } else if is_shell {
            let commands = line.split("&&").flat_map(|part| part.split('|')).map(str::trim);
            let commands =
                commands.map(|command| command.strip_prefix("sudo -u parrain ").unwrap_or(command));
            calls.extend(commands.filter_map(|command| command.strip_prefix("parrain ")).map(str::to_owned));
        }
    }
    calls
}

/// Asks for help at the end: whatever stands before it must be known all the same.
fn assert_is_known(call: &str) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_parrain"));
    let answer = program.args(call.split_whitespace()).arg("--help").output().unwrap();
    assert!(answer.status.success(), "parrain {call}: {}", String::from_utf8_lossy(&answer.stderr));
}

fn exec_start(unit: &str) -> &str {
    unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap()
}

#[test]
fn every_command_that_a_page_names_is_known() {
    let mut commands = BTreeSet::new();
    for page in ["README.md", "OPERATIONS.md"] {
        for call in calls(&text(page)) {
            assert_is_known(&call);
            commands.extend(call.split_whitespace().next().map(str::to_owned));
        }
    }
    for command in ["serve", "migrate", "settle", "verify", "backup", "copy", "erase"] {
        assert!(commands.contains(command), "no page says how to {command}");
    }
    let unit = text("parrain.service");
    assert_is_known(exec_start(&unit).strip_prefix("/usr/local/bin/parrain ").unwrap());
}

#[test]
fn systemd_finds_no_fault_in_the_unit() {
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else { return };
    assert!(version.status.success());
    let (folder, unit) = (Folder::new(), text("parrain.service"));
    let file = folder.path().join("parrain.service");
    fs::write(&file, unit.replace("/usr/local/bin/parrain", env!("CARGO_BIN_EXE_parrain"))).unwrap();
    let found = Command::new("systemd-analyze").arg("verify").arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&found.stderr);
    assert!(found.status.success() && !said.contains("parrain.service"), "{said}");
}

/// The texts of all sources, one after another.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all += &sources(&path);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all += &fs::read_to_string(&path).unwrap();
        }
    }
    all
}

#[test]
fn every_metric_is_in_the_table_of_what_to_watch_and_no_other() {
    let page = text("OPERATIONS.md");
    let rows =
        page.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split('|').next());
    let told: BTreeSet<String> = rows
        .flat_map(|names| {
            names.split(',').map(|name| name.trim_matches([' ', '`']).to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let kept: BTreeSet<String> = ["counter!(", "gauge!(", "histogram!(", " set(", "Seats::new("]
        .into_iter()
        .flat_map(|call| sources.split(call).skip(1).collect::<Vec<_>>())
        .filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next().map(str::to_owned))
        .collect();
    assert!(kept.len() > 10, "{kept:?}");
    assert_eq!(told, kept);
}

//! The command line: exit status and words, row by row.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const ALLOW_GET: &str = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p, namespace: foo}
spec: {rules: [{to: [{operation: {methods: [GET]}}]}]}
---
kind: Deployment
";

fn palisade(arguments: &str, input: &str) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(arguments.split_whitespace())
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that fails early does not read its input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn exit_status_and_words() {
    let ports = ALLOW_GET.replace("methods: [GET]", "ports: [8080]");
    let twice = ALLOW_GET.replace("metadata:", "kind: X\nmetadata:");
    let rows: &[(&str, &str, i32, &str)] = &[
        ("eval -f - --workload foo", ALLOW_GET, 0, "ALLOW\n"),
        (
            "eval -f - --workload foo -X POST",
            ALLOW_GET,
            0,
            "DENY 403 RBAC: access denied\n",
        ),
        (
            "eval -f - --workload foo -X POST --exit-code",
            ALLOW_GET,
            1,
            "DENY 403",
        ),
        (
            "eval -f - --workload foo --exit-code",
            ALLOW_GET,
            0,
            "ALLOW",
        ),
        (
            "eval -f - --workload bar -X POST --explain",
            ALLOW_GET,
            0,
            "no policy has anything",
        ),
        (
            "eval -f - --workload foo --explain",
            ALLOW_GET,
            0,
            "1 other object passed over",
        ),
        ("eval -f - --workload foo -X get", ALLOW_GET, 0, "DENY 400"),
        (
            "eval -f - --workload foo --output json",
            ALLOW_GET,
            0,
            "\"verdict\": \"allow\"",
        ),
        ("eval -f - --workload foo --tcp", ALLOW_GET, 0, "DENY 403"),
        ("eval -f - --workload foo", &ports, 3, "standard input:5:43"),
        (
            "eval -f - --workload foo",
            &ports,
            3,
            "must be a string, not a number",
        ),
        (
            "eval -f - --workload foo",
            &twice,
            3,
            "the key `kind` is there twice",
        ),
        ("eval -f no-such-file --workload foo", "", 3, "no-such-file"),
        (
            "eval -f - --workload foo --labels x",
            ALLOW_GET,
            2,
            "has no `=`",
        ),
        (
            "eval -f - --workload foo --wasm no-such-file",
            ALLOW_GET,
            4,
            "no-such-file",
        ),
        ("eval", "", 2, "--policies"),
        (
            "test tests/corpus/payments_test.yaml",
            "",
            0,
            "13 passed, 0 failed",
        ),
        (
            "test tests/corpus/payments_test.yaml --filter pays",
            "",
            0,
            "1 passed, 0 failed",
        ),
        (
            "test tests/corpus/payments_test.yaml --filter nothing",
            "",
            1,
            "no tests",
        ),
        (
            "test tests/corpus/payments_test.yaml --filter nothing --allow-empty",
            "",
            0,
            "0 passed",
        ),
        (
            "test tests/corpus/payments_test.yaml --output junit",
            "",
            0,
            "tests=\"13\"",
        ),
        (
            "test tests/corpus/payments_test.yaml --output json",
            "",
            0,
            "\"state\":\"passed\"",
        ),
        ("test no-such-file", "", 3, "no-such-file"),
        ("test", "", 2, "Usage"),
    ];
    for (arguments, input, status, words) in rows {
        let output = palisade(arguments, input);
        let all = [output.stdout.as_slice(), &output.stderr].concat();
        let all = String::from_utf8_lossy(&all);
        assert_eq!(output.status.code(), Some(*status), "{arguments}: {all}");
        assert!(all.contains(words), "{arguments}: {all}");
    }
}

#[test]
fn failures_show_the_difference_and_the_reason() {
    let suite = "
apiVersion: palisade/v1
kind: PolicyTest
metadata: {name: wrong}
spec:
  resources:
    - apiVersion: security.istio.io/v1
      kind: AuthorizationPolicy
      metadata: {name: p, namespace: foo}
      spec: {rules: [{to: [{operation: {methods: [GET]}}]}]}
  defaults: {workload: {namespace: foo}}
  tests:
    - {name: good, request: {}, expect: {status: 200, policy: foo/p}}
    - {name: bad, request: {method: POST}, expect: {status: 200}}
    - {name: later, skip: not now, expect: {status: 200}}
";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong_test.yaml");
    let run = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let output = palisade(&format!("test {}", file.display()), "");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (status, text) = run(suite);
    assert_eq!(status, Some(1), "{text}");
    for words in [
        "ok      wrong / good",
        "FAILED  wrong / bad",
        "status: expected 200, got 403",
        "nearest: foo/p rules[0]",
        "wants GET, the request has POST",
        "skipped wrong / later: not now",
        "1 passed, 1 failed, 1 skipped",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let rows = [
        (
            suite.replace("status: 200}}", "statuss: 200}}"),
            "did you mean `status`?",
        ),
        (
            suite.replace("expect: {status: 200}}", "expect: {}}"),
            "checks nothing",
        ),
        (
            suite.replace("method: POST", "token: nobody"),
            "no token `nobody`",
        ),
        (
            suite.replace("methods:", "method:"),
            "did you mean `methods`?",
        ),
    ];
    for (text, words) in rows {
        let (status, output) = run(&text);
        assert_eq!(status, Some(3), "{words}: {output}");
        assert!(output.contains(words), "{words}: {output}");
    }
}

#[test]
fn bench_compares_with_what_it_saved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("base.json");
    let file = file.to_str().unwrap();
    let bench = "bench -f - --workload foo --requests 3";
    let saved = palisade(&format!("{bench} --save {file}"), ALLOW_GET);
    let text = String::from_utf8_lossy(&saved.stdout).into_owned();
    assert_eq!(saved.status.code(), Some(0), "{text}");
    assert!(text.contains("2 host calls a request"), "{text}");
    let same = palisade(&format!("{bench} --baseline {file}"), ALLOW_GET);
    let text = String::from_utf8_lossy(&same.stdout).into_owned();
    assert_eq!(same.status.code(), Some(0), "{text}");
    assert!(text.contains("+0 host calls"), "{text}");
    // A policy on the peer has one more thing to read.
    let dearer = ALLOW_GET.replace("{to:", "{from: [{source: {namespaces: [a]}}], to:");
    let worse = palisade(&format!("{bench} --baseline {file}"), &dearer);
    assert_eq!(worse.status.code(), Some(1), "{worse:?}");
}

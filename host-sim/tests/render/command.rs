//! The command: what it writes, refuses, and does while it watches.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use tempfile::TempDir;

const WORKLOAD: &str = "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: a, namespace: foo}
spec: {address: 10.0.0.1, ports: {http: 8080}, labels: {app: a}, serviceAccount: a}
";

fn peer_authentication(mode: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: foo}}
spec:
  mtls: {{mode: {mode}}}
"
    )
}

/// Objects by file, arguments, the status, and what the error or the answer contains.
#[test]
fn what_is_refused() {
    let strict = peer_authentication("STRICT");
    let service = |rest: &str| {
        format!(
            "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s, namespace: foo}}
spec:
  hosts: [s.foo]
  location: MESH_INTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  {rest}
"
        )
    };
    let row = |text: String, status: i32, message: &'static str| (text, status, message);
    let rows = [
        row(strict.clone(), 0, "1 workloads, 5 files, 5 of them written"),
        row(
            peer_authentication("STRCT"),
            3,
            "b.yaml:5:16: spec.mtls.mode: unknown mode `STRCT`",
        ),
        row(
            strict.clone() + "---\n" + &strict,
            3,
            "b.yaml:9:11: metadata: a second PeerAuthentication `foo/default`; the first is in b.yaml:1",
        ),
        row(
            strict.replace("security", "networking"),
            3,
            "b.yaml:1:13: apiVersion: `networking.istio.io/v1` has no kind `PeerAuthentication`",
        ),
        row(
            strict.replace("kind: PeerAuthentication\n", ""),
            3,
            "is no object: `kind` is missing",
        ),
        row(
            strict.replace("kind: PeerAuthentication", "kind: PeerAuthentications"),
            3,
            "b.yaml:2:7: kind: unknown kind `PeerAuthentications`",
        ),
        row("kind: Deployment\n".to_owned(), 0, "1 workloads"),
        row(
            service("resolution: STATIC\n  endpoints: [{address: 10.0.0.9, serviceAccount: s}]"),
            0,
            "1 workloads",
        ),
        row(
            service("resolution: STATIC\n  endpoints: [{address: 10.0.0.9}]"),
            3,
            "spec: nobody knows which identities may run this service; set `subjectAltNames`, or `serviceAccount` of its endpoints",
        ),
        row(
            service("resolution: STATIC\n  endpoints: [{address: s.example}]"),
            3,
            "endpoint `s.example` is no IP address; set `resolution: DNS`",
        ),
        row(
            service("resolution: NONE"),
            3,
            "resolution `NONE` is not supported; use STATIC or DNS",
        ),
        row(
            service(
                "resolution: STATIC\n  workloadSelector: {}\n  endpoints: [{address: 10.0.0.9}]",
            ),
            3,
            "only one of `workloadSelector` and `endpoints`",
        ),
    ];
    for (text, status, message) in rows {
        let stage = Stage::new();
        stage.write("b.yaml", &text);
        let output = stage.run(&[]);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(status), "{text}\n{said}");
        assert!(said.contains(message), "{text}\n{said}");
        assert_eq!(stage.files().is_empty(), status != 0, "{text}");
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let stage = Stage::new();
    stage.write("b.yaml", &peer_authentication("STRICT"));
    assert!(said(&stage.run(&["--prefix", "/etc/envoy"])).contains("5 of them written"));
    let first = stage.files();
    assert!(said(&stage.run(&["--prefix", "/etc/envoy"])).contains("0 of them written"));
    assert_eq!(stage.files(), first);
    let listeners = &first["foo/a/lds.yaml"];
    let comment = "# Port 8080 (http) takes STRICT: PeerAuthentication foo/default (b.yaml:1).";
    assert!(listeners.contains(comment), "{listeners}");
    assert!(first["foo/a/bootstrap.yaml"].contains("path: \"/etc/envoy/foo/a/lds.yaml\""));
}

#[test]
fn one_workload_of_several() {
    let stage = Stage::new();
    stage.write("b.yaml", &WORKLOAD.replace("name: a", "name: b"));
    assert!(said(&stage.run(&["--workload", "foo/b"])).contains("1 workloads"));
    assert!(stage.files().keys().all(|path| path.starts_with("foo/b/")));
    let output = stage.run(&["--workload", "foo/c"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("no WorkloadEntry or WorkloadGroup is called `foo/c`"));
}

#[test]
fn the_example_of_the_repository() {
    let stage = Stage::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy-configs/payments");
    let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
    command
        .arg("render")
        .arg(folder)
        .arg("--out")
        .arg(stage.out.path());
    let output = command.args(["--wasm", "palisade.wasm"]).output().unwrap();
    let said = said(&output);
    assert_eq!(said, "4 workloads, 20 files, 20 of them written\n");
    let files = stage.files();
    let listeners = &files["production/payment-service/lds.yaml"];
    assert!(listeners.contains("# Port 8080 (http) takes STRICT: PeerAuthentication"));
    assert!(listeners.contains("# Port 9090 (http-metrics) takes PERMISSIVE: PeerAuthentication"));
    let clusters = &files["production/order-service/cds.yaml"];
    assert!(clusters.contains("spiffe://cluster.local/ns/production/sa/payment-service"));
}

#[test]
fn certificates_from_a_socket() {
    let stage = Stage::new();
    stage.run(&["--sds-socket", "/run/spire/agent.sock"]);
    let files = stage.files();
    assert!(!files.contains_key("foo/a/sds-certificate.yaml"));
    assert!(files["foo/a/bootstrap.yaml"].contains("path: \"/run/spire/agent.sock\""));
    assert!(files["foo/a/lds.yaml"].contains("cluster_name: sds"));
}

#[test]
fn watching() {
    let stage = Stage::new();
    stage.write("b.yaml", &peer_authentication("STRICT"));
    let mut watching = stage.watch();
    assert_eq!(watching.line(), "1 workloads, 5 files, 5 of them written");
    stage.write("b.yaml", &peer_authentication("PERMISSIVE"));
    assert_eq!(watching.line(), "1 workloads, 5 files, 1 of them written");
    let good = stage.files();
    assert!(good["foo/a/lds.yaml"].contains("takes PERMISSIVE"));

    stage.write("b.yaml", &peer_authentication("STRCT"));
    let error = watching.error();
    assert!(
        error.contains("b.yaml:5:16: spec.mtls.mode: unknown mode `STRCT`"),
        "{error}"
    );
    assert_eq!(stage.files(), good);

    stage.write("b.yaml", &peer_authentication("DISABLE"));
    assert_eq!(watching.line(), "1 workloads, 5 files, 1 of them written");
    assert!(stage.files()["foo/a/lds.yaml"].contains("takes DISABLE"));
}

struct Stage {
    objects: TempDir,
    out: TempDir,
}

struct Watching {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Stage {
    fn new() -> Self {
        let stage = Self {
            objects: TempDir::new().unwrap(),
            out: TempDir::new().unwrap(),
        };
        stage.write("a.yaml", WORKLOAD);
        stage
    }

    /// Replaces a file at once, as editors do.
    fn write(&self, name: &str, text: &str) {
        let new = self.out.path().join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.objects.path().join(name)).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palisade"));
        command
            .arg("render")
            .arg(self.objects.path())
            .arg("--out")
            .arg(self.out.path());
        command.args(["--wasm", "palisade.wasm"]);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    fn watch(&self) -> Watching {
        let mut command = self.command();
        command
            .arg("--watch")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Watching {
            stdout: BufReader::new(child.stdout.take().unwrap()).lines(),
            stderr: BufReader::new(child.stderr.take().unwrap()).lines(),
            child,
        }
    }

    fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        collect(self.out.path(), self.out.path(), &mut files);
        files
    }
}

impl Watching {
    fn line(&mut self) -> String {
        self.stdout.next().unwrap().unwrap()
    }

    fn error(&mut self) -> String {
        self.stderr.next().unwrap().unwrap()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(top: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(top, &path, files);
        } else {
            let name = path.strip_prefix(top).unwrap().display().to_string();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

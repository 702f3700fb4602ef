//! What is spoken through two proxies: HTTP/2, and TCP with and without TLS of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use host_sim::envoy::certs::{Authority, Leaf};
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::upstream::echo;
use palisade_tests::Error;

use palisade_tests::stage::{Stage, free_port, local, outcome, spiffe};

/// The mode of the server's port, an ALLOW policy's source, and whether bytes come back over TCP:
/// from a workload of the mesh, and from one over plaintext.
const TCP: [(&str, &str, [bool; 2]); 5] = [
    ("STRICT", "", [true, false]),
    ("PERMISSIVE", "", [true, true]),
    ("DISABLE", "", [true, true]),
    (
        "PERMISSIVE",
        "cluster.local/ns/bar/sa/client",
        [true, false],
    ),
    ("STRICT", "cluster.local/ns/bar/sa/other", [false, false]),
];

#[test]
fn tcp_through_two_proxies() -> Result<(), Error> {
    let application = repeater()?;
    for (mode, principal, expected) in TCP {
        let (port, service) = (free_port()?, free_port()?);
        let mut objects = mesh(port, "tcp", application, service, "TCP");
        if mode == "DISABLE" {
            objects += "---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: server, namespace: bar}
spec: {host: server.foo, trafficPolicy: {tls: {mode: DISABLE}}}
";
        }
        objects += &format!(
            "---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {{name: default, namespace: foo}}
spec: {{mtls: {{mode: {mode}}}}}
"
        );
        if !principal.is_empty() {
            objects += &format!(
                "---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: only, namespace: foo}}
spec: {{rules: [{{from: [{{source: {{principals: [{principal}]}}}}]}}]}}
"
            );
        }
        let stage = Stage::new(&objects)?;
        stage.certify("foo/server", "foo/server")?;
        stage.certify("bar/client", "bar/client")?;
        stage.render()?;
        let _server = stage.start("foo/server")?;
        let _client = stage.start("bar/client")?;
        let got = [repeats(local(service)), repeats(local(port))];
        assert_eq!(got, expected, "{mode} {principal}");
    }
    Ok(())
}

/// TLS that is not the mesh's goes to the application as it is, where plaintext may.
#[test]
fn tls_of_the_application() -> Result<(), Error> {
    let application = repeater()?;
    let port = free_port()?;
    let stage = Stage::new(&mesh(port, "tcp", application, free_port()?, "TCP"))?;
    stage.certify("foo/server", "foo/server")?;
    stage.certify("bar/client", "bar/client")?;
    stage.render()?;
    let _server = stage.start("foo/server")?;
    // A client hello without ALPN comes back unread: the proxy did not take it for its own.
    let stranger = Authority::new("stranger")?.issue(&Leaf::spiffe(spiffe("bar/client")))?;
    let hello = client_hello(&stage, &stranger)?;
    let mut stream = TcpStream::connect(local(port))?;
    stream.write_all(&hello)?;
    let mut back = vec![0; hello.len()];
    stream.read_exact(&mut back)?;
    assert_eq!(back, hello);
    Ok(())
}

#[test]
fn http2_through_two_proxies() -> Result<(), Error> {
    let application = echo()?;
    let (port, outbound) = (free_port()?, free_port()?);
    // The application of this test speaks HTTP/1.1; the proxies speak HTTP/2 with each other.
    let objects = mesh(port, "http", application.address(), outbound, "HTTP2");
    let stage = Stage::new(&objects)?;
    stage.certify("foo/server", "foo/server")?;
    stage.certify("bar/client", "bar/client")?;
    stage.render()?;
    let server = stage.start("foo/server")?;
    let _client = stage.start("bar/client")?;
    let request = Request::get("/").header("host", "server.foo");
    assert_eq!(outcome(&Client::plain(local(outbound)), &request), "200");
    let over_http2 = format!("http.inbound_{port}.downstream_cx_http2_total");
    assert_eq!(server.admin().stat(&over_http2)?, 1);
    Ok(())
}

/// A server and a client that calls it; `entrance` is where the client's application calls.
fn mesh(port: u16, name: &str, application: SocketAddr, entrance: u16, protocol: &str) -> String {
    let (number, outbound) = match protocol {
        "TCP" => (entrance, "127.0.0.1:0".to_owned()),
        _ => (80, format!("127.0.0.1:{entrance}")),
    };
    format!(
        "apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: server
  namespace: foo
  annotations:
    palisade.dev/admin: 127.0.0.1:0
    palisade.dev/application: {port}={application}
spec:
  address: 127.0.0.1
  ports: {{{name}: {port}}}
  labels: {{app: server}}
  serviceAccount: server
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata:
  name: client
  namespace: bar
  annotations: {{palisade.dev/admin: '127.0.0.1:0', palisade.dev/outbound: '{outbound}'}}
spec: {{address: 127.0.0.1, labels: {{app: client}}, serviceAccount: client}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: server, namespace: bar}}
spec:
  hosts: [server.foo]
  # The server's proxy, on the same loopback, is not to listen there too.
  exportTo: [.]
  addresses: [127.0.0.1]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{{number: {number}, targetPort: {port}, name: port, protocol: {protocol}}}]
  endpoints: [{{address: 127.0.0.1}}]
  subjectAltNames: [spiffe://cluster.local/ns/foo/sa/server]
"
    )
}

/// An application that sends back what it gets.
fn repeater() -> Result<SocketAddr, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut writer = stream.try_clone()?;
                std::io::copy(&mut &stream, &mut writer)
            });
        }
    });
    Ok(address)
}

fn repeats(address: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(b"hello")?;
        let mut back = [0; 5];
        stream.read_exact(&mut back)?;
        Ok::<_, std::io::Error>(&back == b"hello")
    };
    ask().unwrap_or(false)
}

/// The first bytes that a TLS client sends.
fn client_hello(
    stage: &Stage,
    identity: &host_sim::envoy::certs::Identity,
) -> Result<Vec<u8>, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = stage.client_as(listener.local_addr()?, Some(identity), None)?;
    let talking = thread::spawn(move || client.connect().is_ok());
    let (mut stream, _) = listener.accept()?;
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let mut hello = head.to_vec();
    hello.resize(5 + usize::from(u16::from_be_bytes([head[3], head[4]])), 0);
    stream.read_exact(&mut hello[5..])?;
    drop(stream);
    assert!(!talking.join().map_err(|_| "the client panicked")?);
    Ok(hello)
}

//! `experimental.envoy.filters.*` in real Envoy: metadata that another filter has set.

use host_sim::envoy::bootstrap::{Bootstrap, Cluster, HttpManager, Listener, WasmFilter};
use host_sim::envoy::client::{Client, Request};
use host_sim::envoy::upstream::echo;
use host_sim::envoy::{Launch, binary};
use palisade_tests::policies::authorization;
use palisade_tests::{Error, wasm};
use serde_json::{Value, json};

const NAMESPACE: &str = "envoy.filters.http.other";

/// The values that the policy wants, what the other filter has set under `key`, and the statuses
/// under an ALLOW and under a DENY policy.
fn rows() -> Vec<(&'static str, Value, [u16; 2])> {
    vec![
        ("a", json!("a"), [200, 403]),
        ("a", json!("b"), [403, 200]),
        ("a", Value::Null, [403, 200]),
        ("a*", json!("abc"), [200, 403]),
        ("[a]", json!(["x", "a"]), [200, 403]),
        ("[a]", json!(["x", "b"]), [403, 200]),
        ("[a*]", json!(["x", "abc"]), [200, 403]),
        ("[a]", json!("a"), [403, 200]),
        ("a", json!(["a"]), [403, 200]),
        ("a", json!({"a": "a"}), [403, 200]),
    ]
}

#[test]
fn metadata_of_other_filters() -> Result<(), Error> {
    let application = echo()?;
    let mut listeners = Vec::new();
    for (index, (wanted, set, _)) in rows().iter().enumerate() {
        for action in ["ALLOW", "DENY"] {
            let key = format!("experimental.{NAMESPACE}[key]");
            let rule = json!({"when": [{"key": key, "values": [wanted]}]});
            let policy = authorization("p", json!({"action": action, "rules": [rule]}));
            let configuration = json!({
                "version": 1, "workload": {"namespace": "foo"}, "resources": [policy],
            });
            let mut manager = HttpManager::new("application");
            manager.filters = vec![
                set_metadata(set),
                WasmFilter::new(&wasm()?, configuration).to_json(),
            ];
            let mut listener = Listener::new(format!("{action}-{index}"), "application");
            listener.http = manager;
            listeners.push(listener);
        }
    }
    let clusters = vec![Cluster::new("application", application.address())];
    let bootstrap = Bootstrap::new(listeners, clusters).to_json();
    let envoy = Launch::new(binary::find()?, &bootstrap).start()?;
    for (index, (wanted, set, expected)) in rows().into_iter().enumerate() {
        let mut got = [0; 2];
        for (status, action) in got.iter_mut().zip(["ALLOW", "DENY"]) {
            let client = Client::plain(envoy.listener(&format!("{action}-{index}"))?);
            *status = client.send(&Request::get("/"))?.status;
        }
        assert_eq!(got, expected, "wanted `{wanted}`, set {set}");
    }
    Ok(())
}

fn set_metadata(value: &Value) -> Value {
    let value = match value {
        Value::Null => json!({}),
        value => json!({ "key": value }),
    };
    json!({
        "name": "envoy.filters.http.set_metadata",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config",
            "metadata": [{"metadata_namespace": NAMESPACE, "value": value}],
        },
    })
}

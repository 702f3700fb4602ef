//! A table of action CUSTOM as suites, one for each row.

use palisade_tests::tokens::{SigningKey, jwks};
use palisade_tests::{Error, suites};
use serde_json::{Map, Value, json};

use super::rows;
use super::suites::run;

/// What Istio's sample authorizer tells a request without `x-ext-authz: allow`.
const DENIED: &str = "denied by ext_authz for not found header `x-ext-authz: allow` in the request";

#[test]
fn authorizers() -> Result<(), Error> {
    let key = SigningKey::generate("k1")?;
    let folder = tempfile::tempdir()?;
    for (index, row) in rows("custom.json")?.iter().enumerate() {
        let path = folder.path().join(format!("{index}_test.json"));
        std::fs::write(path, suite(row, &key)?.to_string())?;
    }
    let folders = [folder.path().to_owned()];
    run(&mut suites::simulator()?, &folders)?;
    run(&mut suites::envoy()?, &folders)
}

fn suite(row: &Value, key: &SigningKey) -> Result<Value, Error> {
    let mesh = &row["mesh"];
    let providers = mesh["extension_providers"].as_array();
    let verdicts: Map<String, Value> = providers
        .into_iter()
        .flatten()
        .filter_map(|provider| {
            let name = provider["name"].as_str()?;
            let answer = row["ext_authz"].get(name)?;
            Some((name.to_owned(), verdict(provider, answer, &row["request"])))
        })
        .collect();
    let mut sent = request(&row["request"]);
    let mut tokens = json!({});
    if row["request"]["tokens"] != json!([]) {
        tokens["token"] = json!({"raw": key.token(&row["request"]["jwt"])?});
        sent["token"] = "token".into();
    }
    let uris = row["policies"].as_array().into_iter().flatten();
    let uris = uris.filter_map(|policy| policy["spec"]["jwtRules"][0]["jwksUri"].as_str());
    let served: Map<String, Value> = uris.map(|uri| (uri.to_owned(), jwks([key]))).collect();
    let test = json!({
        "name": row["name"],
        "workload": {"namespace": row["workload"]["namespace"], "labels": row["workload"]["labels"]},
        "request": sent,
        "expect": expect(row),
    });
    Ok(json!({
        "apiVersion": "palisade/v1",
        "kind": "PolicyTest",
        "metadata": {"name": "custom"},
        "spec": {
            "resources": row["policies"],
            "mesh": {
                "rootNamespace": mesh["root_namespace"],
                "trustDomain": mesh["trust_domain"],
                "pathNormalization": mesh["path_normalization"],
                "extensionProviders": mesh["extension_providers"],
                "multipleCustomAuthzProviders": mesh["multiple_custom_providers"],
            },
            "extensionProviders": verdicts,
            "jwks": served,
            "tokens": tokens,
            "tests": [test],
        },
    }))
}

fn verdict(provider: &Value, answer: &Value, request: &Value) -> Value {
    let allowed = match answer["mode"].as_str().unwrap_or_default() {
        "unreachable" => return json!({"unreachable": true}),
        "header" => {
            let pair = json!(["x-ext-authz", "allow"]);
            let headers = request["headers"].as_array();
            let allowed = headers.is_some_and(|headers| headers.contains(&pair));
            let of_grpc = match provider["envoyExtAuthzGrpc"].is_object() {
                true => "grpc-",
                false => "",
            };
            let result = if allowed { "allowed" } else { "denied" };
            return json!({
                "status": if allowed { 200 } else { 403 },
                "headers": {
                    "x-ext-authz-check-result": result,
                    "x-ext-authz-additional-header-override":
                        format!("{of_grpc}additional-header-override-value"),
                },
                "body": if allowed { "" } else { DENIED },
            });
        }
        "source_principal_suffix" => {
            let principal = request["source_principal"].as_str().unwrap_or_default();
            principal.ends_with(answer["value"].as_str().unwrap_or_default())
        }
        mode => mode == "allow",
    };
    let status = match answer["status"].as_u64() {
        Some(status) => status,
        None if allowed => 200,
        None => 403,
    };
    let headers = answer.get("headers").cloned().unwrap_or(json!({}));
    json!({"status": status, "headers": headers, "body": answer["body"].as_str().unwrap_or("")})
}

fn request(request: &Value) -> Value {
    let mut out = json!({
        "protocol": request["protocol"],
        "peer": request["source_principal"],
        "sourceIp": request["source_ip"],
        "destinationIp": request["destination_ip"],
        "port": request["port"],
    });
    if request["protocol"] != "tcp" {
        for key in ["method", "path", "host"] {
            out[key] = request[key].clone();
        }
        let pairs = request["headers"].as_array().into_iter().flatten();
        let headers =
            pairs.filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())));
        out["headers"] = headers.collect::<Map<String, Value>>().into();
    }
    out
}

fn expect(row: &Value) -> Value {
    let expected = &row["expected"];
    let mut out = match expected["tcp_result"].as_str() {
        Some(result) => json!({"decision": if result == "allow" { "allow" } else { "deny" }}),
        None => json!({"status": expected["status"]}),
    };
    for (theirs, ours) in [
        ("body", "body"),
        ("response_headers", "responseHeaders"),
        ("upstream_headers", "upstreamHeaders"),
        ("ext_authz_calls", "authorizers"),
    ] {
        if let Some(value) = expected.get(theirs) {
            out[ours] = value.clone();
        }
    }
    let calls = expected["ext_authz_calls"].as_array();
    if let (Some(check), Some(Value::String(name))) = (
        expected.pointer("/ext_authz_check/0"),
        calls.and_then(|calls| calls.first()),
    ) {
        let mut told = check.get("headers").cloned().unwrap_or(json!({}));
        if let Some(told) = told.as_object_mut() {
            // The simulator has `:authority`, an HTTP/1.1 server has `host`.
            told.remove("host");
        }
        told[":path"] = check["path"].clone();
        if let Some(method) = check.get("method") {
            told[":method"] = method.clone();
        }
        out["checks"] = json!({ name: told });
    }
    out
}

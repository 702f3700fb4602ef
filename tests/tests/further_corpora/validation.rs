//! What Istio takes is taken, what it refuses is refused: whole resources, and single values in the
//! place that they are for.

use host_sim::render::{Inventory, MeshSettings};
use palisade_filter::Config;
use palisade_filter::config::ConfigError;
use palisade_filter::jose::{KeySet, KeySetError};
use palisade_filter::policy::PathPattern;
use palisade_filter::resource::authorization_policy::Constraint;
use palisade_filter::resource::request_authentication::HttpUrl;
use palisade_tests::Error;
use palisade_tests::policies::authorization;
use serde_json::{Value, json};

use super::known::assert_known;
use super::{name, rows};

#[test]
fn validation() -> Result<(), Error> {
    let mut problems = Vec::new();
    for row in rows("validation.json")? {
        let got = judge(&row)?;
        let expected = &row["expected"];
        let same = ["valid", "result", "blocked"].into_iter().all(|key| {
            let wanted = expected.get(key).unwrap_or(&Value::Null);
            wanted.is_null() || *wanted == got[key]
        });
        if !same {
            problems.push(format!("validation {}: {got}, not {expected}", name(&row)));
        }
    }
    assert_known(&problems);
    Ok(())
}

/// What becomes of a row, with the keys that the table expects.
fn judge(row: &Value) -> Result<Value, Error> {
    let text = row["in"].as_str().unwrap_or_default();
    let valid = |taken: Result<_, String>| match taken {
        Ok(()) => json!({"valid": true}),
        Err(why) => json!({"valid": false, "why": why}),
    };
    let with_result = |taken: Result<Value, String>| match taken {
        Ok(result) => json!({"valid": true, "result": result}),
        Err(why) => json!({"valid": false, "why": why}),
    };
    let operation =
        |field: &str, values: &Value| policy(json!({"to": [{"operation": {field: values}}]}));
    let condition =
        |key: &str, values: &Value| policy(json!({"when": [{"key": key, "values": values}]}));
    Ok(match row["kind"].as_str().unwrap_or_default() {
        "resource" => valid(resource(&row["resource"])?),
        "condition" => {
            let key = row["key"].as_str().unwrap_or_default();
            valid(condition(key, &row["values"]).map(drop))
        }
        "path_template" => valid(operation("paths", &row["values"]).map(drop)),
        // A literal is a segment of a template.
        "path_literal" => valid(operation("paths", &json!([format!("/{{*}}/{text}/x")])).map(drop)),
        "is_path_template" => {
            let pattern = PathPattern::parse(text).map_err(|error| error.help())?;
            json!({"result": matches!(pattern, PathPattern::Template(_))})
        }
        "wildcard_values" => valid(condition("source.trustDomain", &row["values"]).map(drop)),
        "trust_domain_values" => {
            let source = json!({"from": [{"source": {"trustDomains": row["values"]}}]});
            valid(policy(source).map(drop))
        }
        "port" => with_result(operation("ports", &json!([text])).map(|found| match found {
            Constraint::Ports(ports) => json!(ports[0]),
            other => json!(format!("{other:?}")),
        })),
        "brackets" => {
            let key = format!("experimental.envoy.filters.a.b{text}");
            with_result(condition(&key, &json!(["x"])).map(|found| match found {
                Constraint::Metadata { key, .. } => json!(key),
                other => json!(format!("{other:?}")),
            }))
        }
        "nested_brackets" => {
            let key = format!("request.auth.claims{text}");
            with_result(condition(&key, &json!(["x"])).map(|found| match found {
                Constraint::Claim { path, .. } => json!(path),
                other => json!(format!("{other:?}")),
            }))
        }
        "jwks_uri" => valid(HttpUrl::parse(text).map(drop)),
        "jwks_blocked_ip" => {
            json!({"blocked": HttpUrl::parse(&format!("http://{text}/jwks")).is_err()})
        }
        // istiod looks at the form only, and leaves the keys to Envoy.
        "jwks_format" => valid(match KeySet::parse(text.as_bytes()) {
            Ok(_) | Err(KeySetError::NoUsableKey(_)) => Ok(()),
            Err(error) => Err(error.to_string()),
        }),
        other => return Err(format!("a row of the unknown kind `{other}`").into()),
    })
}

/// Whether a whole resource is taken.
fn resource(resource: &Value) -> Result<Result<(), String>, Error> {
    let mut resource = resource.clone();
    if resource["metadata"]["namespace"].is_null() {
        resource["metadata"]["namespace"] = "default".into();
    }
    if resource["kind"] != "PeerAuthentication" {
        return Ok(parse(resource).map(drop).map_err(|error| error.to_string()));
    }
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("resource.json"), resource.to_string())?;
    let inventory = Inventory::load(folder.path(), MeshSettings::default());
    Ok(inventory.map(drop).map_err(|error| error.to_string()))
}

/// The first constraint of a policy with this rule alone.
fn policy(rule: Value) -> Result<Constraint, String> {
    let config = parse(authorization("one", json!({"rules": [rule]})));
    let policies = config.map_err(|error| error.to_string())?.resources;
    let rule = policies.authorization_policies[0].rules[0].clone();
    let alternatives = rule.from.into_iter().chain(rule.to);
    let mut clauses = alternatives.flat_map(|alternative| alternative.clauses);
    let clause = clauses.next().or_else(|| rule.when.into_iter().next());
    clause
        .map(|clause| clause.constraint)
        .ok_or("no clause".to_owned())
}

fn parse(resource: Value) -> Result<Config, ConfigError> {
    let configuration = json!({
        "version": 1,
        "workload": {"namespace": "default"},
        "jwksClusters": {},
        "resources": [resource],
    });
    Config::parse(configuration.to_string().as_bytes())
}

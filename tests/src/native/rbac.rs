//! `AuthorizationPolicy` as `envoy.filters.http.rbac`.

use serde_json::{Map, Value, json};

use super::strings::{header, principal, quote, string};
use super::{items, texts};

const RBAC: &str = "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC";
const TEMPLATE: &str =
    "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig";

/// The filter for the policies of one `action`, if there are any.
pub fn rbac(action: &str, policies: &[&Value]) -> Option<Value> {
    let of_action: Vec<_> = policies
        .iter()
        .filter(|policy| policy["spec"]["action"].as_str().unwrap_or("ALLOW") == action)
        .collect();
    if of_action.is_empty() {
        return None;
    }
    let mut rules = Map::new();
    for policy in of_action {
        let (namespace, name) = (
            policy["metadata"]["namespace"].as_str().unwrap_or_default(),
            policy["metadata"]["name"].as_str().unwrap_or_default(),
        );
        let spec_rules = items(&policy["spec"]["rules"]);
        if spec_rules.is_empty() {
            rules.insert(format!("ns[{namespace}]-policy[{name}]-rule[0]"), nothing());
        }
        for (index, rule) in spec_rules.iter().enumerate() {
            let key = format!("ns[{namespace}]-policy[{name}]-rule[{index}]");
            rules.insert(key, compile(rule, namespace));
        }
    }
    Some(json!({
        "name": format!("rbac-{action}"),
        "typed_config": {"@type": RBAC, "rules": {"action": action, "policies": rules}},
    }))
}

fn nothing() -> Value {
    json!({"permissions": [{"not_rule": {"any": true}}], "principals": [{"not_id": {"any": true}}]})
}

/// One rule: any `to` and any `from`, and every `when`.
fn compile(rule: &Value, namespace: &str) -> Value {
    let (mut when_permissions, mut when_principals) = (Vec::new(), Vec::new());
    for condition in items(&rule["when"]) {
        let key = condition["key"].as_str().unwrap_or_default();
        let (values, not_values) = (texts(&condition["values"]), texts(&condition["notValues"]));
        match key {
            "destination.ip" | "destination.port" | "connection.sni" => {
                when_permissions.extend(field("rules", "rule", &values, &not_values, |value| {
                    permission(key, value)
                }));
            }
            _ => when_principals.extend(field("ids", "id", &values, &not_values, |value| {
                identity(key, value, namespace)
            })),
        }
    }
    let permissions = alternatives(&rule["to"], "rules", |to| {
        let mut all = fields(&to["operation"], "rules", "rule", &OPERATION, permission);
        all.extend(when_permissions.iter().cloned());
        all
    });
    let principals = alternatives(&rule["from"], "ids", |from| {
        let mut all = fields(&from["source"], "ids", "id", &SOURCE, |key, value| {
            identity(key, value, namespace)
        });
        all.extend(when_principals.iter().cloned());
        all
    });
    json!({"permissions": permissions, "principals": principals})
}

/// The positive field and the key that it stands for.
const OPERATION: [(&str, &str); 4] = [
    ("hosts", "hosts"),
    ("ports", "destination.port"),
    ("methods", "methods"),
    ("paths", "paths"),
];

const SOURCE: [(&str, &str); 7] = [
    ("principals", "source.principal"),
    ("requestPrincipals", "request.auth.principal"),
    ("namespaces", "source.namespace"),
    ("serviceAccounts", "source.serviceAccount"),
    ("trustDomains", "source.trustDomain"),
    ("ipBlocks", "source.ip"),
    ("remoteIpBlocks", "remote.ip"),
];

fn alternatives(list: &Value, many: &str, all_of: impl Fn(&Value) -> Vec<Value>) -> Vec<Value> {
    let entries = items(list);
    let unconstrained = [Value::Null];
    let entries = if entries.is_empty() {
        &unconstrained
    } else {
        entries
    };
    entries
        .iter()
        .map(|entry| {
            let mut all = all_of(entry);
            if all.is_empty() {
                all.push(json!({"any": true}));
            }
            json!({format!("and_{many}"): {many: all}})
        })
        .collect()
}

fn fields(
    object: &Value,
    many: &str,
    one: &str,
    known: &[(&str, &str)],
    matcher: impl Fn(&str, &str) -> Value,
) -> Vec<Value> {
    known
        .iter()
        .flat_map(|(name, key)| {
            let (first, rest) = name.split_at(1);
            let negative = format!("not{}{rest}", first.to_uppercase());
            let (values, not_values) = (texts(&object[*name]), texts(&object[negative.as_str()]));
            field(many, one, &values, &not_values, |value| matcher(key, value))
        })
        .collect()
}

/// Any of `values`, and none of `not_values`.
fn field(
    many: &str,
    one: &str,
    values: &[&str],
    not_values: &[&str],
    matcher: impl Fn(&str) -> Value,
) -> Vec<Value> {
    let any = |values: &[&str]| {
        let list: Vec<Value> = values.iter().map(|value| matcher(value)).collect();
        json!({format!("or_{many}"): {many: list}})
    };
    let mut all = Vec::new();
    if !values.is_empty() {
        all.push(any(values));
    }
    if !not_values.is_empty() {
        all.push(json!({format!("not_{one}"): any(not_values)}));
    }
    all
}

fn permission(key: &str, value: &str) -> Value {
    match key {
        "hosts" => json!({"header": header(":authority", value, true)}),
        "methods" => json!({"header": header(":method", value, false)}),
        "paths" if value.contains("{*}") || value.contains("{**}") => {
            let template = value.replace("{**}", "**").replace("{*}", "*");
            json!({"uri_template": {
                "name": "uri-template",
                "typed_config": {"@type": TEMPLATE, "path_template": template},
            }})
        }
        "paths" => json!({"url_path": {"path": string(value)}}),
        "destination.port" => json!({"destination_port": value.parse::<u16>().unwrap_or_default()}),
        "destination.ip" => json!({"destination_ip": cidr(value)}),
        "connection.sni" => json!({"requested_server_name": string(value)}),
        other => unreachable!("no permission for `{other}`"),
    }
}

fn identity(key: &str, value: &str, namespace: &str) -> Value {
    let authenticated = |matcher: Value| json!({"authenticated": {"principal_name": matcher}});
    let regex = |regex: String| authenticated(json!({"safe_regex": {"regex": regex}}));
    match key {
        "source.principal" => authenticated(principal(value)),
        "source.namespace" => regex(format!(".*/ns/{}/.*", quote(value).replace("\\*", ".*"))),
        "source.serviceAccount" => {
            let (ns, account) = value.split_once('/').unwrap_or((namespace, value));
            let (ns, account) = (quote(ns), quote(account));
            regex(format!("spiffe://.+/ns/{ns}/(.+/|)sa/{account}(/.+)?"))
        }
        "source.trustDomain" => match value.contains('*') {
            false => authenticated(json!({"prefix": format!("spiffe://{value}/")})),
            true => regex(format!(
                "spiffe://{}/.*",
                quote(value).replace("\\*", "[^/]*")
            )),
        },
        "source.ip" => json!({"direct_remote_ip": cidr(value)}),
        "remote.ip" => json!({"remote_ip": cidr(value)}),
        "request.auth.principal" => request_principal(value),
        "request.auth.audiences" => claim(&["aud"], value),
        "request.auth.presenter" => claim(&["azp"], value),
        _ => match (
            key.strip_prefix("request.headers[")
                .and_then(|rest| rest.strip_suffix(']')),
            key.strip_prefix("request.auth.claims[")
                .and_then(|rest| rest.strip_suffix(']')),
        ) {
            (Some(name), _) => json!({"header": header(name, value, false)}),
            (_, Some(path)) => claim(&path.split("][").collect::<Vec<_>>(), value),
            _ => unreachable!("no principal for `{key}`"),
        },
    }
}

/// Issuer and subject, split at the last slash.
fn request_principal(value: &str) -> Value {
    let present = json!({"safe_regex": {"regex": ".+"}});
    let (issuer, subject) = match (value.rsplit_once('/'), value) {
        (_, "*") => (present.clone(), present),
        (None, _) => match (value.strip_prefix('*'), value.strip_suffix('*')) {
            (Some(suffix), _) => (present, json!({"suffix": suffix})),
            (None, Some(prefix)) => (json!({"prefix": prefix}), present),
            (None, None) => (json!({"exact": value}), json!({"exact": ""})),
        },
        (Some((issuer, subject)), _) => {
            let issuer_matcher = match issuer.strip_prefix('*') {
                Some("") => present.clone(),
                Some(suffix) => json!({"suffix": suffix}),
                None => json!({"exact": issuer}),
            };
            let subject_matcher = match (issuer.starts_with('*'), subject.strip_suffix('*')) {
                (false, Some("")) => present,
                (false, Some(prefix)) => json!({"prefix": prefix}),
                (true, _) | (false, None) => json!({"exact": subject}),
            };
            (issuer_matcher, subject_matcher)
        }
    };
    let part = |name: &str, matcher: Value| metadata(&[name], &json!({"string_match": matcher}));
    json!({"and_ids": {"ids": [part("iss", issuer), part("sub", subject)]}})
}

/// A claim that is the string, or a list that holds it.
fn claim(path: &[&str], value: &str) -> Value {
    let text = json!({"string_match": string(value)});
    let list = json!({"list_match": {"one_of": text}});
    json!({"or_ids": {"ids": [metadata(path, &text), metadata(path, &list)]}})
}

fn metadata(path: &[&str], value: &Value) -> Value {
    let path: Vec<Value> = ["payload"]
        .iter()
        .chain(path)
        .map(|key| json!({"key": key}))
        .collect();
    json!({"metadata": {"filter": "envoy.filters.http.jwt_authn", "path": path, "value": value}})
}

fn cidr(value: &str) -> Value {
    let (address, length) = match value.split_once('/') {
        Some((address, length)) => (address, length.parse().unwrap_or_default()),
        None => (value, if value.contains(':') { 128_u32 } else { 32 }),
    };
    json!({"address_prefix": address, "prefix_len": length})
}

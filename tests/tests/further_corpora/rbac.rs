//! Envoy's `rbac` filters as istiod writes them, evaluated as Envoy's documentation says: a small
//! reader for the golden table alone.
//! Source: Envoy 1.40 API, `config.rbac.v3.RBAC`.

use std::net::IpAddr;

use host_sim::engine::Request;
use regex::Regex;
use serde_json::Value;

/// What one segment of a path template matches, and what any number of them do (Envoy's
/// `uri_template` matcher).
const SEGMENT: &str = r"[a-zA-Z0-9\-._~%!$&'()+,;:@=]+";
const SEGMENTS: &str = r"[a-zA-Z0-9\-._~%!$&'()+,;:@=/]*";

/// A request with the claims of its token.
pub struct Seen<'a> {
    pub request: &'a Request,
    pub claims: Option<&'a Value>,
}

impl Seen<'_> {
    /// Whether one of the policies of `rules` matches.
    pub fn matches(&self, rules: &Value) -> bool {
        let policies = rules["policies"].as_object().into_iter().flatten();
        let any = |list: &Value| items(list).iter().any(|node| self.holds(node));
        policies
            .into_iter()
            .any(|(_, policy)| any(&policy["permissions"]) && any(&policy["principals"]))
    }

    fn holds(&self, node: &Value) -> bool {
        let Self { request, claims } = self;
        let Some((kind, what)) = node.as_object().and_then(|map| map.iter().next()) else {
            panic!("{node} asks nothing");
        };
        let of_http = |matches: bool| !request.tcp && matches;
        match kind.as_str() {
            "any" => true,
            "andRules" => items(&what["rules"]).iter().all(|node| self.holds(node)),
            "andIds" => items(&what["ids"]).iter().all(|node| self.holds(node)),
            "orRules" => items(&what["rules"]).iter().any(|node| self.holds(node)),
            "orIds" => items(&what["ids"]).iter().any(|node| self.holds(node)),
            "notRule" | "notId" => !self.holds(what),
            "urlPath" => of_http(string(&what["path"], &request.path)),
            "uriTemplate" => of_http(template(
                &what["typedConfig"]["pathTemplate"],
                &request.path,
            )),
            "header" => of_http(self.header(what)),
            "destinationPort" => what.as_u64() == Some(request.port.into()),
            "destinationIp" => block(what, request.destination_ip),
            "directRemoteIp" => block(what, request.source_ip),
            "remoteIp" => block(what, request.remote_ip.unwrap_or(request.source_ip)),
            "requestedServerName" => string(what, request.sni.as_deref().unwrap_or_default()),
            "authenticated" => {
                let peer = request.peer.as_deref();
                peer.is_some_and(|peer| string(&what["principalName"], peer))
            }
            // No other filter leaves anything.
            "metadata" if what["filter"] != "envoy.filters.http.jwt_authn" => false,
            "metadata" => {
                let keys = items(&what["path"]).iter().skip(1);
                let claim = keys.fold(*claims, |value, key| value?.get(key["key"].as_str()?));
                claim
                    .and_then(Value::as_str)
                    .is_some_and(|claim| string(&what["value"]["stringMatch"], claim))
            }
            other => panic!("`{other}` is not read"),
        }
    }

    fn header(&self, what: &Value) -> bool {
        let name = what["name"].as_str().unwrap_or_default();
        let value = match name {
            ":method" => Some(&self.request.method),
            ":authority" => Some(&self.request.host),
            _ => {
                let mut headers = self.request.headers.iter();
                headers
                    .find(|(other, _)| other.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value)
            }
        };
        value.is_some_and(|value| string(&what["stringMatch"], value))
    }
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(matcher: &Value, text: &str) -> bool {
    let text = match matcher["ignoreCase"] == true {
        true => text.to_lowercase(),
        false => text.to_owned(),
    };
    let wanted = |key: &str| matcher[key].as_str();
    if let Some(exact) = wanted("exact") {
        text == exact
    } else if let Some(prefix) = wanted("prefix") {
        text.starts_with(prefix)
    } else if let Some(suffix) = wanted("suffix") {
        text.ends_with(suffix)
    } else if let Some(regex) = matcher["safeRegex"]["regex"].as_str() {
        whole(regex, &text)
    } else {
        panic!("{matcher} is not read")
    }
}

fn template(template: &Value, path: &str) -> bool {
    let template = regex::escape(template.as_str().unwrap_or_default());
    let regex = template.replace(r"\*\*", SEGMENTS).replace(r"\*", SEGMENT);
    whole(&regex, path)
}

fn whole(regex: &str, text: &str) -> bool {
    let regex = Regex::new(&format!("^(?s:{regex})$")).expect("a regular expression");
    regex.is_match(text)
}

fn block(block: &Value, address: IpAddr) -> bool {
    let text = format!(
        "{}/{}",
        block["addressPrefix"].as_str().unwrap_or_default(),
        block["prefixLen"]
    );
    let block: ipnet::IpNet = text.parse().expect("a block of addresses");
    block.contains(&address)
}

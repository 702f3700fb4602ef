//! The rows: a provider, what its authorizer answers, a request.

use host_sim::envoy::server::Answer;
use palisade_filter::protobuf::Message;
use serde_json::{Value, json};

/// One comparison.
pub struct Row {
    pub name: &'static str,
    pub provider: Value,
    /// `None`: nobody listens.
    pub answer: Option<Answer>,
    pub method: &'static str,
    pub path: &'static str,
    pub headers: &'static [(&'static str, &'static str)],
}

impl Row {
    pub fn is_grpc(&self) -> bool {
        self.provider["envoyExtAuthzGrpc"].is_object()
    }
}

const NO_HEADERS: &[(&str, &str)] = &[];
const SOME: &[(&str, &str)] = &[
    ("x-user", "root"),
    ("X-Tenant", "t1"),
    ("x-tenant", "t2"),
    ("x-trace-id", "7"),
    ("authorization", "Basic abc"),
    ("cookie", "a=b"),
    ("x-gone", "here"),
];

/// Every row.
pub fn all() -> Vec<Row> {
    let mut rows = http();
    rows.extend(grpc());
    rows
}

fn http() -> Vec<Row> {
    let plain = || provider(json!({}));
    let full = || {
        provider(json!({
            "pathPrefix": "/check",
            "includeRequestHeadersInCheck": ["x-tenant", "x-trace-*", "*-gone", "Cookie"],
            "includeAdditionalHeadersInCheck": {"x-mesh": "prod", "X-Trace-Id": "ours"},
            "headersToUpstreamOnAllow": ["x-user", "X-Group-*"],
            "headersToDownstreamOnDeny": ["set-cookie", "x-why"],
            "headersToDownstreamOnAllow": ["x-session", "set-cookie"],
        }))
    };
    let ok: &[(&str, &str)] = &[
        ("x-user", "alice"),
        ("x-group-a", "staff"),
        ("x-group-a", "ops"),
        ("x-session", "s1"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-secret", "no"),
    ];
    let denied: &[(&str, &str)] = &[
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-why", "because"),
        ("x-inner", "secret"),
        ("location", "https://login.example/"),
        ("www-authenticate", "Basic realm=\"x\""),
        ("content-type", "text/html"),
    ];
    vec![
        row(
            "allowed, nothing passed on",
            plain(),
            answer(200, ok, "yes"),
            SOME,
        ),
        row("allowed, lists", full(), answer(200, ok, "yes"), SOME),
        row(
            "allowed, headers taken away",
            full(),
            answer(
                200,
                &[(
                    "x-envoy-auth-headers-to-remove",
                    "x-gone, cookie ,host,x-none",
                )],
                "",
            ),
            SOME,
        ),
        row(
            "allowed, a header both written and taken away",
            full(),
            answer(
                200,
                &[
                    ("x-user", "alice"),
                    ("x-envoy-auth-headers-to-remove", "x-user"),
                ],
                "",
            ),
            SOME,
        ),
        row(
            "denied, no list",
            plain(),
            answer(403, denied, "<b>no</b>"),
            SOME,
        ),
        row("denied, lists", full(), answer(401, denied, "no"), SOME),
        row("denied, no body", full(), answer(403, &[], ""), NO_HEADERS),
        row(
            "denied, body without a type",
            plain(),
            answer(418, &[], "short"),
            NO_HEADERS,
        ),
        row("denied by 204", plain(), answer(204, &[], ""), NO_HEADERS),
        row(
            "denied by 302",
            full(),
            answer(302, denied, "go"),
            NO_HEADERS,
        ),
        row(
            "denied by 201",
            plain(),
            answer(201, ok, "made"),
            NO_HEADERS,
        ),
        row(
            "error 500",
            plain(),
            answer(500, denied, "boom"),
            NO_HEADERS,
        ),
        row(
            "error 503 with a status of ours",
            provider(json!({"statusOnError": "503"})),
            answer(503, denied, "boom"),
            NO_HEADERS,
        ),
        row(
            "error 500, open",
            provider(json!({"failOpen": true})),
            answer(500, ok, "boom"),
            SOME,
        ),
        row("nobody there", plain(), None, SOME),
        row(
            "nobody there, open",
            provider(json!({"failOpen": true})),
            None,
            SOME,
        ),
        Row {
            method: "POST",
            path: "/a/../b%2Fc?d=%41;e",
            ..row("the path and the method", full(), answer(200, ok, ""), SOME)
        },
        Row {
            method: "HEAD",
            ..row("HEAD, denied", full(), answer(403, denied, ""), SOME)
        },
    ]
}

fn grpc() -> Vec<Row> {
    let provider = |more: Value| {
        let mut provider = json!({"service": "authz.auth.svc.cluster.local", "port": 9000});
        extend(&mut provider, more);
        json!({"name": "authz", "envoyExtAuthzGrpc": provider})
    };
    let plain = || provider(json!({}));
    let ok = |fields: Message| message(0, fields, 3);
    let denied = |fields: Message| message(7, fields, 2);
    let status = |code: u64| Message::default().varint(1, code);
    vec![
        row("gRPC: allowed", plain(), ok(Message::default()), SOME),
        row(
            "gRPC: headers written, appended, removed, and added to the response",
            plain(),
            ok(Message::default()
                .bytes(2, header("x-user", "alice", None))
                .bytes(2, header("x-trace-id", "8", Some(true)))
                .bytes(2, header("x-none", "n", Some(true)))
                .bytes(2, header("x-new", "n", Some(false)))
                .bytes(5, "x-gone")
                .bytes(5, ":path")
                .bytes(5, "host")
                .bytes(6, header("x-session", "s1", None))
                .bytes(6, header("x-app", "2", None))),
            SOME,
        ),
        row(
            "gRPC: denied",
            plain(),
            denied(
                Message::default()
                    .bytes(1, status(429))
                    .bytes(2, header("retry-after", "3", None))
                    .bytes(2, header("x-why", "quota", None))
                    .bytes(3, "slow down"),
            ),
            SOME,
        ),
        row(
            "gRPC: denied without a status",
            plain(),
            denied(Message::default()),
            NO_HEADERS,
        ),
        row(
            "gRPC: denied, with a type of its own",
            plain(),
            denied(
                Message::default()
                    .bytes(1, status(401))
                    .bytes(2, header("content-type", "application/json", None))
                    .bytes(3, "{}"),
            ),
            NO_HEADERS,
        ),
        row(
            "gRPC: denied, though an answer that allows is there",
            plain(),
            message(
                16,
                Message::default().bytes(2, header("x-user", "a", None)),
                3,
            ),
            NO_HEADERS,
        ),
        row(
            "gRPC: an empty message",
            plain(),
            raw(Message::default()),
            NO_HEADERS,
        ),
        row("gRPC: nobody there", plain(), None, SOME),
        row(
            "gRPC: nobody there, open",
            provider(json!({"failOpen": true})),
            None,
            SOME,
        ),
        row(
            "gRPC: not a message",
            provider(json!({"statusOnError": "503"})),
            Some(Answer {
                body: vec![0xff; 7],
                ..raw(Message::default()).unwrap_or_else(|| unreachable!())
            }),
            NO_HEADERS,
        ),
    ]
}

fn row(
    name: &'static str,
    provider: Value,
    answer: Option<Answer>,
    headers: &'static [(&'static str, &'static str)],
) -> Row {
    Row {
        name,
        provider,
        answer,
        method: "GET",
        path: "/a?b=c",
        headers,
    }
}

fn provider(more: Value) -> Value {
    let mut provider = json!({"service": "authz.auth.svc.cluster.local", "port": 8000});
    extend(&mut provider, more);
    json!({"name": "authz", "envoyExtAuthzHttp": provider})
}

fn extend(provider: &mut Value, more: Value) {
    if let (Value::Object(provider), Value::Object(more)) = (provider, more) {
        provider.extend(more);
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let headers = headers.iter();
    Some(Answer {
        status,
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    })
}

/// A `CheckResponse` with a code and, as field `number`, what comes with it.
fn message(code: u64, fields: Message, number: u64) -> Option<Answer> {
    let status = Message::default().varint(1, code);
    raw(Message::default().bytes(1, status).bytes(number, fields))
}

fn raw(message: Message) -> Option<Answer> {
    let mut answer = answer(200, &[("content-type", "application/x-protobuf")], "")?;
    answer.body = message.into_bytes();
    Some(answer)
}

/// A `HeaderValueOption`.
fn header(name: &str, value: &str, append: Option<bool>) -> Message {
    let header = Message::default().bytes(1, name).bytes(2, value);
    let option = Message::default().bytes(1, header);
    match append {
        Some(append) => option.bytes(2, Message::default().varint(1, append.into())),
        None => option,
    }
}

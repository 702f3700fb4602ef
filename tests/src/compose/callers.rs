//! Who calls what, and what comes of it.

/// One call to the payment service.
pub struct Call {
    /// The application that calls.
    pub caller: &'static str,
    /// Whether it goes through its own proxy; otherwise in plaintext straight to the service.
    pub proxied: bool,
    /// The token that it sends: none, `good`, `expired` or `forged`.
    pub token: &'static str,
    /// The method.
    pub method: &'static str,
    /// The service's port, for a call without proxy.
    pub port: u16,
    /// The path.
    pub path: &'static str,
    /// A status, or `refused` for a connection that is closed.
    pub expected: &'static str,
}

/// Every call.
pub const CALLS: &[Call] = &[
    call("order-service", "POST", "/api/v1/payments/42", "200"),
    call("order-service", "GET", "/api/v1/payments/42", "200"),
    call("order-service", "GET", "/api/v1/refunds/7", "200"),
    call("order-service", "DELETE", "/api/v1/payments/42", "403"),
    call("order-service", "GET", "/api/v1/paymentsx", "403"),
    call("order-service", "GET", "/api/v1/payments/../admin", "403"),
    call("order-service", "GET", "/", "403"),
    with_token("good", "200"),
    with_token("expired", "401"),
    with_token("forged", "401"),
    call("billing-service", "POST", "/api/v1/refunds/7", "200"),
    call("billing-service", "PUT", "/api/v1/refunds/7", "403"),
    // The same service account name in another namespace, and the same label.
    call("intruder", "POST", "/api/v1/payments/42", "403"),
    call("intruder", "GET", "/", "403"),
    plain("order-service", 8080, "/api/v1/payments/42", "refused"),
    plain("intruder", 8080, "/api/v1/payments/42", "refused"),
    // The port of the metrics is PERMISSIVE, and its policy wants no peer.
    plain("intruder", 9090, "/metrics", "200"),
    plain("intruder", 9090, "/api/v1/payments/42", "403"),
];

/// The service, as its callers name it.
pub const HOST: &str = "payment-service.production.svc.cluster.local";

impl Call {
    /// Where the request is sent, and for which host.
    pub fn url(&self) -> (String, &'static str) {
        let to = match self.proxied {
            true => "127.0.0.1:15001".to_owned(),
            false => format!("payment-service:{}", self.port),
        };
        (format!("http://{to}{}", self.path), HOST)
    }

    /// In words.
    pub fn how(&self) -> &'static str {
        if self.proxied {
            "its proxy"
        } else {
            "plaintext"
        }
    }
}

const fn call(
    caller: &'static str,
    method: &'static str,
    path: &'static str,
    expected: &'static str,
) -> Call {
    Call {
        caller,
        proxied: true,
        token: "",
        method,
        port: 80,
        path,
        expected,
    }
}

const fn plain(
    caller: &'static str,
    port: u16,
    path: &'static str,
    expected: &'static str,
) -> Call {
    Call {
        caller,
        proxied: false,
        token: "",
        method: "GET",
        port,
        path,
        expected,
    }
}

/// A call that is good but for its token.
const fn with_token(token: &'static str, expected: &'static str) -> Call {
    Call {
        token,
        ..call("order-service", "GET", "/api/v1/payments/42", expected)
    }
}

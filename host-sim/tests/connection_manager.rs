//! The modelled connection manager: every row was observed on Envoy 1.40.0.

use host_sim::connection_manager::{Admitted, PathNormalization, Refusal, admit};
use host_sim::engine::{Mesh, Proxy, Request};

const NORMALIZATIONS: [PathNormalization; 4] = [
    PathNormalization::None,
    PathNormalization::Base,
    PathNormalization::MergeSlashes,
    PathNormalization::DecodeAndMergeSlashes,
];

fn header(admitted: &Admitted, name: &str) -> Option<String> {
    let values = admitted.headers.iter().filter(|(key, _)| key == name);
    let values: Vec<_> = values
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect();
    (!values.is_empty()).then(|| values.join(" & "))
}

fn with_headers(headers: &[(&str, &str)]) -> Request {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Request {
        headers: headers.iter().map(own).collect(),
        ..Request::default()
    }
}

#[test]
fn paths() {
    let rows = include_str!("data/paths.tsv");
    let mut count = 0;
    for row in rows.lines().skip(1) {
        let (path, wanted) = row.split_once('\t').unwrap();
        for (path_normalization, wanted) in NORMALIZATIONS.into_iter().zip(wanted.split('\t')) {
            let mesh = Mesh {
                path_normalization,
                ..Mesh::default()
            };
            let request = Request {
                path: path.to_owned(),
                ..Request::default()
            };
            let got = match admit(&mesh, &request) {
                Ok(admitted) => header(&admitted, ":path").unwrap(),
                Err(refusal) => refusal.status().to_string(),
            };
            assert_eq!(got, wanted, "{path:?} under {path_normalization:?}");
            count += 1;
        }
    }
    assert!(count > 1000, "{count} rows");
}

#[test]
fn fragments_are_cut_where_envoy_is_told_so() {
    let mesh = Mesh {
        reject_path_with_fragment: false,
        ..Mesh::default()
    };
    for (path, wanted) in [
        ("/app#foo", "/app"),
        ("/admin#/../x", "/admin"),
        ("/a?b#c", "/a?b"),
        ("/a/../b#c", "/b"),
    ] {
        let request = Request {
            path: path.to_owned(),
            ..Request::default()
        };
        assert_eq!(
            admit(&Mesh::default(), &request).unwrap_err(),
            Refusal::Fragment
        );
        let admitted = admit(&mesh, &request).unwrap();
        assert_eq!(header(&admitted, ":path").unwrap(), wanted, "{path}");
    }
}

#[test]
fn targets() {
    // Target, then :path, :authority and :scheme.
    let rows = [
        ("/a", Some(("/a", "orig", "http"))),
        ("//h/a", Some(("//h/a", "orig", "http"))),
        ("http://other:80/a/../b", Some(("/b", "other:80", "http"))),
        ("http://other", Some(("/", "other", "http"))),
        ("HTTP://Foo/a", Some(("/a", "Foo", "http"))),
        ("hTTps://A.B/c", Some(("/c", "A.B", "https"))),
        ("http://u@h/a", Some(("/a", "h", "http"))),
        ("http://h/a?b", Some(("/a?b", "h", "http"))),
        ("http://[::1]:8/a", Some(("/a", "[::1]:8", "http"))),
        ("http:///a", None),
        ("http:/a", None),
        ("http://h\\a", None),
        ("http://x:abc/", None),
        ("ftp://x/a", None),
        ("ws://x/a", None),
        ("*", None),
        ("a/b", None),
        ("", None),
    ];
    for (target, wanted) in rows {
        let request = Request {
            path: target.to_owned(),
            host: "orig".to_owned(),
            ..Request::default()
        };
        let got = admit(&Mesh::default(), &request).ok();
        let got = got.map(|admitted| {
            [":path", ":authority", ":scheme"].map(|name| header(&admitted, name).unwrap())
        });
        let wanted = wanted.map(|(path, authority, scheme)| [path, authority, scheme]);
        assert_eq!(
            got,
            wanted.map(|parts| parts.map(str::to_owned)),
            "{target:?}"
        );
    }
}

#[test]
fn methods() {
    for (method, wanted) in [
        ("GET", true),
        ("PROPFIND", true),
        ("UNSUBSCRIBE", true),
        ("get", false),
        ("Get", false),
        ("FOO", false),
        ("M-SEARCH", false),
        ("CONNECT", false),
        ("PRI", false),
        ("", false),
    ] {
        let request = Request {
            method: method.to_owned(),
            ..Request::default()
        };
        assert_eq!(
            admit(&Mesh::default(), &request).is_ok(),
            wanted,
            "{method:?}"
        );
    }
}

#[test]
fn headers_that_are_refused() {
    for (name, value, wanted) in [
        ("x-a", "café", None),
        ("x-a", "", None),
        ("x-a", "a\tb", None),
        ("x_y", "1", None),
        ("x-a", "a\0b", Some(Refusal::Header)),
        ("x-a", "a\u{1}b", Some(Refusal::Header)),
        ("x-a", "a\u{7f}b", Some(Refusal::Header)),
        ("x a", "1", Some(Refusal::Header)),
        ("x\"y", "1", Some(Refusal::Header)),
        ("x{y", "1", Some(Refusal::Header)),
        ("", "1", Some(Refusal::Header)),
        (":path", "/z", Some(Refusal::Header)),
    ] {
        let got = admit(&Mesh::default(), &with_headers(&[(name, value)])).err();
        assert_eq!(got, wanted, "{name:?}: {value:?}");
    }
}

#[test]
fn heads_that_are_too_large() {
    let request = |count: usize, size: usize| Request {
        path: format!("/{}", "a".repeat(size)),
        host: "h".to_owned(),
        headers: (0..count)
            .map(|index| (format!("x-{index}"), "1".to_owned()))
            .collect(),
        ..Request::default()
    };
    // The path that still fits beside `connection: close` is 61,394 long: 19 more without it.
    for (count, size, wanted) in [
        (99, 0, None),
        (100, 0, Some(431)),
        (0, 61_394 + 19, None),
        (0, 61_394 + 20, Some(431)),
    ] {
        let got = admit(&Mesh::default(), &request(count, size)).err();
        assert_eq!(
            got.map(Refusal::status),
            wanted,
            "{count} headers, {size} bytes"
        );
    }
}

#[test]
fn repeated_headers() {
    let request = with_headers(&[
        ("Authorization", "a"),
        ("X-A", " 1 "),
        ("authorization", "b"),
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-a", "2"),
        ("Host", "second"),
    ]);
    let admitted = admit(&Mesh::default(), &request).unwrap();
    for (name, wanted) in [
        ("authorization", Some("a,b")),
        ("x-a", Some("1 & 2")),
        ("cookie", Some("a=1 & b=2")),
        (":authority", Some("localhost,second")),
        ("host", None),
    ] {
        assert_eq!(header(&admitted, name).as_deref(), wanted, "{name}");
    }
}

/// Proxy and trusted hops, what the client sent, the address taken, what the application gets.
type AddressRow = (
    (Proxy, u32),
    &'static [&'static str],
    &'static str,
    &'static str,
);

#[test]
fn the_clients_address() {
    let sidecar = |hops| (Proxy::Sidecar, hops);
    let gateway = |hops| (Proxy::Gateway, hops);
    let peer = "10.0.0.1";
    let rows: [AddressRow; 20] = [
        (sidecar(0), &[], peer, ""),
        (
            sidecar(0),
            &["1.1.1.1, 2.2.2.2"],
            "2.2.2.2",
            "1.1.1.1, 2.2.2.2",
        ),
        (
            sidecar(0),
            &["1.1.1.1", "2.2.2.2"],
            "2.2.2.2",
            "1.1.1.1,2.2.2.2",
        ),
        (
            sidecar(0),
            &["3.3.3.3,1.1.1.1 ,  2.2.2.2 "],
            "2.2.2.2",
            "3.3.3.3,1.1.1.1 ,  2.2.2.2",
        ),
        (sidecar(0), &["1.1.1.1, garbage"], peer, "1.1.1.1, garbage"),
        (sidecar(0), &["1.1.1.1:80"], peer, "1.1.1.1:80"),
        (sidecar(0), &["1.1.1.1,"], peer, "1.1.1.1,"),
        (sidecar(0), &["::1"], "::1", "::1"),
        (sidecar(0), &["[::1]:5"], peer, "[::1]:5"),
        (
            sidecar(1),
            &["1.1.1.1, 2.2.2.2"],
            "1.1.1.1",
            "1.1.1.1, 2.2.2.2",
        ),
        (sidecar(1), &["1.1.1.1"], peer, "1.1.1.1"),
        (
            sidecar(1),
            &["1.1.1.1, garbage"],
            "1.1.1.1",
            "1.1.1.1, garbage",
        ),
        (gateway(0), &[], peer, "10.0.0.1"),
        (
            gateway(0),
            &["1.1.1.1, 2.2.2.2"],
            peer,
            "1.1.1.1, 2.2.2.2,10.0.0.1",
        ),
        (gateway(1), &[], peer, "10.0.0.1"),
        (
            gateway(1),
            &["1.1.1.1, 2.2.2.2"],
            "2.2.2.2",
            "1.1.1.1, 2.2.2.2,10.0.0.1",
        ),
        (gateway(1), &["1.1.1.1"], "1.1.1.1", "1.1.1.1,10.0.0.1"),
        (
            gateway(1),
            &["1.1.1.1, garbage"],
            peer,
            "1.1.1.1, garbage,10.0.0.1",
        ),
        (gateway(1), &["1.1.1.1,"], peer, "1.1.1.1,,10.0.0.1"),
        (gateway(1), &["::1"], "::1", "::1,10.0.0.1"),
    ];
    for ((proxy, xff_num_trusted_hops), given, remote, forwarded) in rows {
        let mesh = Mesh {
            proxy,
            xff_num_trusted_hops,
            ..Mesh::default()
        };
        let given: Vec<_> = given
            .iter()
            .map(|value| ("x-forwarded-for", *value))
            .collect();
        let admitted = admit(&mesh, &with_headers(&given)).unwrap();
        let row = format!("{proxy:?} {xff_num_trusted_hops} {given:?}");
        assert_eq!(admitted.remote_ip.to_string(), remote, "{row}");
        assert_eq!(admitted.remote_port == 0, remote != peer, "{row}");
        let got = header(&admitted, "x-forwarded-for").unwrap_or_default();
        assert_eq!(got, forwarded, "{row}");
    }
}

/// `remoteIp` says who the client is, however many trusted proxies are in front.
#[test]
fn the_client_that_a_suite_names() {
    for (proxy, hops) in [
        (Proxy::Sidecar, 0),
        (Proxy::Sidecar, 2),
        (Proxy::Gateway, 1),
        (Proxy::Gateway, 3),
    ] {
        let mesh = Mesh {
            proxy,
            xff_num_trusted_hops: hops,
            ..Mesh::default()
        };
        let request = Request {
            remote_ip: Some([7, 7, 7, 7].into()),
            ..Request::default()
        };
        let remote = admit(&mesh, &request).unwrap().remote_ip;
        assert_eq!(remote.to_string(), "7.7.7.7", "{proxy:?} {hops}");
    }
}

#[test]
fn the_scheme() {
    let edge = (Proxy::Gateway, 0);
    let rows = [
        ((Proxy::Sidecar, 0), None, "http", "http"),
        ((Proxy::Sidecar, 0), Some("https"), "https", "https"),
        ((Proxy::Sidecar, 0), Some("HTTPS"), "https", "HTTPS"),
        ((Proxy::Sidecar, 0), Some("ftp"), "http", "ftp"),
        (edge, Some("https"), "http", "http"),
        (edge, None, "http", "http"),
        ((Proxy::Gateway, 1), Some("https"), "https", "https"),
        ((Proxy::Gateway, 1), Some("ftp"), "http", "ftp"),
    ];
    for ((proxy, xff_num_trusted_hops), given, scheme, forwarded) in rows {
        let mesh = Mesh {
            proxy,
            xff_num_trusted_hops,
            ..Mesh::default()
        };
        let given: Vec<_> = given
            .into_iter()
            .map(|value| ("x-forwarded-proto", value))
            .collect();
        let admitted = admit(&mesh, &with_headers(&given)).unwrap();
        let got = [":scheme", "x-forwarded-proto"].map(|name| header(&admitted, name).unwrap());
        assert_eq!(
            got,
            [scheme, forwarded],
            "{proxy:?} {xff_num_trusted_hops} {given:?}"
        );
    }
}

//! What a trap does: a plugin that traps on one path.

use host_sim::vm::{Host, HttpRequest, Options, Outcome, Plugin, Traps};

/// Traps on a request whose header map is longer than that of a usual request.
const TRAPS: &str = r#"(module
  (import "env" "proxy_get_header_map_size" (func $size (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.gt_u (local.get 1) (i32.const 4)) (then unreachable))
    i32.const 0)
  (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
  (func (export "proxy_on_delete") (param i32)))"#;

fn host(traps: Traps) -> Host {
    let plugin = Plugin::from_bytes(&wat::parse_str(TRAPS).unwrap()).unwrap();
    let mut host = Host::new(
        &plugin,
        Options {
            traps,
            ..Options::default()
        },
    )
    .unwrap();
    host.configure(b"{}").unwrap();
    host
}

#[test]
fn what_later_requests_get_depends_on_the_failure_policy() {
    let good = || HttpRequest::new("GET", "/", "a");
    for (traps, later_passes) in [(Traps::Reload, true), (Traps::Closed, false)] {
        let mut host = host(traps);
        assert!(matches!(
            host.http(0, good()).unwrap().outcome,
            Outcome::Forwarded { .. }
        ));
        let bad = host.http(0, good().header("x", "y")).unwrap();
        let Outcome::Trapped(trap) = bad.outcome else {
            panic!("{bad:?}")
        };
        assert!(trap.contains("proxy_on_request_headers"), "{trap}");
        let later = host.http(0, good()).unwrap().outcome;
        assert_eq!(
            matches!(later, Outcome::Forwarded { .. }),
            later_passes,
            "{traps:?}"
        );
    }
}

#[test]
fn a_function_that_envoy_does_not_have_is_named() {
    let module = r#"(module (import "env" "proxy_no_such_call" (func)))"#;
    let error = Plugin::from_bytes(&wat::parse_str(module).unwrap())
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("proxy_no_such_call"), "{error}");
}

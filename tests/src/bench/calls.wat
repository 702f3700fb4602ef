(module
  ;; The callbacks that Palisade exports, and the host calls that it makes for a request with a token
  ;; that it remembers and a policy on path and method: the least that a filter of its kind costs.
  (import "env" "proxy_get_header_map_pairs"
    (func $headers (param i32 i32 i32) (result i32)))
  (import "env" "proxy_get_current_time_nanoseconds" (func $time (param i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "_initialize"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (drop (call $headers (i32.const 0) (i32.const 16) (i32.const 20)))
    (drop (call $time (i32.const 24)))
    i32.const 0)
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) i32.const 0)
  (func (export "proxy_on_done") (param i32) (result i32) i32.const 1))

;; Ways to take for ever: in guest code, and blocked in a host call, which fuel and epoch do not see.
(module
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "loop_for_ever") (loop $again (br $again)))
  (func (export "call_for_ever") (loop $again (call $nothing) (br $again)))
  (func $nothing)
  (func (export "sleep_a_minute") (call $sleep (i64.const 60000000000)))
  (func (export "sleep_a_second") (call $sleep (i64.const 1000000000)))
  (func (export "sleep_a_while") (call $sleep (i64.const 50000000)))
  ;; One subscription to a relative time on the monotonic clock.
  (func $sleep (param $nanoseconds i64)
    (i32.store8 (i32.const 8) (i32.const 0))
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (local.get $nanoseconds))
    (if (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128))
      (then unreachable))))

;; Draws 24 bytes of chance and looks twice at each of two clocks, sleeping a minute in between;
;; writes all of it as one JSON text of hexadecimal digits.
(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get"
    (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff"
    (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (call $check (call $random (i32.const 1024) (i32.const 24)))
    (call $look (i32.const 1048))
    (call $sleep)
    (call $look (i32.const 1064))
    (call $spell_out (i32.const 1024) (i32.const 56) (i32.const 2049))
    (i32.store8 (i32.const 2048) (i32.const 34))
    (i32.store8 (i32.const 2161) (i32.const 34))
    (i32.store (i32.const 0) (i32.const 2048))
    (i32.store (i32.const 4) (i32.const 114))
    (call $check (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))))
  (func $look (param $at i32)
    (call $check (call $clock (i32.const 0) (i64.const 1) (local.get $at)))
    (call $check
      (call $clock (i32.const 1) (i64.const 1) (i32.add (local.get $at) (i32.const 8)))))
  ;; One subscription to a relative time on the monotonic clock.
  (func $sleep
    (i32.store (i32.const 144) (i32.const 1))
    (i64.store (i32.const 152) (i64.const 60000000000))
    (call $check (call $poll (i32.const 128) (i32.const 256) (i32.const 1) (i32.const 320))))
  (func $check (param $errno i32)
    (if (local.get $errno) (then unreachable)))
  (func $spell_out (param $from i32) (param $left i32) (param $to i32)
    (loop $next
      (call $digit (local.get $to) (i32.shr_u (i32.load8_u (local.get $from)) (i32.const 4)))
      (call $digit (i32.add (local.get $to) (i32.const 1))
        (i32.and (i32.load8_u (local.get $from)) (i32.const 15)))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (local.set $to (i32.add (local.get $to) (i32.const 2)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  (func $digit (param $at i32) (param $value i32)
    (i32.store8 (local.get $at)
      (i32.add (local.get $value)
        (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $value) (i32.const 10)))))))

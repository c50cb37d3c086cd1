;; Writes 64 KiB pieces: to stdout until a write fails, to stderr a hundred of them.
(module
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 3)
  (func $flood (param $descriptor i32) (param $persistent i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (i32.const 65536))
    (loop $again
      (if (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (br_if $again (local.get $persistent)) return))
      (br $again)))
  (func $write (param $descriptor i32) (param $length i32)
    (i32.store (i32.const 0) (i32.const 65536))
    (i32.store (i32.const 4) (local.get $length))
    (if (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))
      (then unreachable)))
  (func (export "stdout") (call $flood (i32.const 1) (i32.const 0)))
  (func (export "stdout_persistently") (call $flood (i32.const 1) (i32.const 1)))
  (func $log (local $left i32)
    (local.set $left (i32.const 100))
    (loop $again
      (call $write (i32.const 2) (i32.const 65536))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $again (local.get $left))))
  (func (export "stderr") (call $log))
  (func (export "both") (call $log) (call $flood (i32.const 1) (i32.const 0)))
  (func (export "exactly_1000_bytes") (call $write (i32.const 1) (i32.const 1000)))
  (func (export "one_byte_over_1000") (call $write (i32.const 1) (i32.const 1001))))

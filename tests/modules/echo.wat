;; Copies its input to its output. Also counts in a global and in memory: both must be fresh in
;; every run, or it traps.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $runs (mut i32) (i32.const 0))
  (func (export "_start")
    (if (i32.or (global.get $runs) (i32.load (i32.const 64))) (then unreachable))
    (global.set $runs (i32.const 1))
    (i32.store (i32.const 64) (i32.const 1))
    (block $end
      (loop $more
        (i32.store (i32.const 0) (i32.const 65536))
        (i32.store (i32.const 4) (i32.const 65536))
        (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4))
          (then unreachable))
        (br_if $end (i32.eqz (i32.load (i32.const 4))))
        (call $write_all (i32.const 65536) (i32.load (i32.const 4)))
        (br $more))))
  (func $write_all (param $at i32) (param $left i32)
    (loop $more
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $left))
      (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 4))
        (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 4))))
      (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 4))))
      (br_if $more (local.get $left)))))

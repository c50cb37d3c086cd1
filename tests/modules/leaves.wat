;; Leaves artifacts: its input as `copy.json` and `rows/1.csv`, then says what it read.
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_create_directory"
    (func $path_create_directory (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $length (mut i32) (i32.const 0))
  (data (i32.const 32) "\"")
  (data (i32.const 64) "copy.json")
  (data (i32.const 80) "rows")
  (data (i32.const 96) "rows/1.csv")

  (func (export "_start")
    (call $read_input)
    (call $leave_both)
    (call $write (i32.const 1) (i32.const 65536) (global.get $length)))

  ;; The same, then nothing that fits any schema.
  (func (export "with_no_output")
    (call $read_input)
    (call $leave_both)
    (call $write (i32.const 1) (i32.const 64) (i32.const 9)))

  ;; The same, then does not come to an end while there is fuel.
  (func (export "slowly") (local $left i32)
    (call $read_input)
    (call $leave_both)
    (local.set $left (i32.const 1000000000))
    (loop $more
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (call $write (i32.const 1) (i32.const 65536) (global.get $length)))

  ;; As much as it may, and more: fails when it is refused.
  (func (export "too_much") (local $file i32)
    (local.set $file (call $made (i32.const 64) (i32.const 9)))
    (loop $more
      (call $write (local.get $file) (i32.const 65536) (i32.const 65536))
      (br $more)))

  ;; All but a few bytes of 4 MiB, and an output of all but a few of one.
  (func (export "as_much_as_fits") (local $left i32) (local $file i32)
    (memory.fill (i32.const 65536) (i32.const 97) (i32.const 65536))
    (local.set $file (call $made (i32.const 64) (i32.const 9)))
    (local.set $left (i32.const 63))
    (loop $more
      (call $write (local.get $file) (i32.const 65536) (i32.const 65536))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (call $write (local.get $file) (i32.const 65536) (i32.const 65000))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1))
    (local.set $left (i32.const 15))
    (loop $more
      (call $write (i32.const 1) (i32.const 65536) (i32.const 65536))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $more (local.get $left)))
    (call $write (i32.const 1) (i32.const 65536) (i32.const 65000))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1)))

  (func $leave_both
    (call $write (call $made (i32.const 64) (i32.const 9))
      (i32.const 65536) (global.get $length))
    (if (call $path_create_directory (i32.const 3) (i32.const 80) (i32.const 4))
      (then unreachable))
    (call $write (call $made (i32.const 96) (i32.const 10))
      (i32.const 65536) (global.get $length)))
  (func $read_input
    (loop $more
      (i32.store (i32.const 0) (i32.add (i32.const 65536) (global.get $length)))
      (i32.store (i32.const 4) (i32.sub (i32.const 196608) (global.get $length)))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (global.set $length (i32.add (global.get $length) (i32.load (i32.const 8))))
      (br_if $more (i32.load (i32.const 8)))))
  (func $made (param $name i32) (param $length i32) (result i32)
    (if (call $path_open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length)
          (i32.const 9) (i64.const 64) (i64.const 64) (i32.const 0) (i32.const 12))
      (then unreachable))
    (i32.load (i32.const 12)))
  (func $write (param $to i32) (param $at i32) (param $left i32)
    (loop $more
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $left))
      (if (call $fd_write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 8))))
      (br_if $more (local.get $left)))))

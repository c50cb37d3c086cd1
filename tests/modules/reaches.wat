;; Uses what a policy opens: a variable of the environment, a file of the package, scratch files.
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get"
    (func $environ_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 32) "\"")
  (data (i32.const 64) "words.txt")
  (data (i32.const 80) "note.txt")
  (data (i32.const 4093) "../")

  ;; Its one variable, `NAME=value`, as a JSON text; the same goes to the log.
  (func (export "environment") (local $length i32)
    (local.set $length (call $read_environment))
    (call $write (i32.const 2) (i32.const 4096) (local.get $length))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1))
    (call $write (i32.const 1) (i32.const 4096) (local.get $length))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1)))

  ;; Tries to leave its folder by a path that tells the variable, then says the same.
  (func (export "environment_in_a_path") (local $length i32)
    (local.set $length (call $read_environment))
    (if (i32.eqz (call $open (i32.const 3) (i32.const 0)
          (i32.const 4093) (i32.add (local.get $length) (i32.const 3))
          (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 12)))
      (then unreachable))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1))
    (call $write (i32.const 1) (i32.const 32) (i32.const 1)))

  ;; The content of resources/words.txt, which is JSON.
  (func (export "resource")
    (call $copy (call $opened (i32.const 64) (i32.const 9) (i32.const 0) (i64.const 2))
      (i32.const 1)))

  ;; Its input, by way of a scratch file.
  (func (export "scratch")
    (call $copy (i32.const 0)
      (call $opened (i32.const 80) (i32.const 8) (i32.const 9) (i64.const 64)))
    (call $copy (call $opened (i32.const 80) (i32.const 8) (i32.const 0) (i64.const 2))
      (i32.const 1)))

  ;; Reads its input into scratch files until one is refused, then fails.
  (func (export "fills_scratch")
    (local $file i32)
    (local.set $file (call $opened (i32.const 80) (i32.const 8) (i32.const 9) (i64.const 64)))
    (loop $more
      (call $write (local.get $file) (i32.const 0) (i32.const 65536))
      (br $more)))

  (func $read_environment (result i32)
    (if (call $environ_sizes (i32.const 16) (i32.const 20)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 16)) (i32.const 1)) (then unreachable))
    (if (call $environ (i32.const 1024) (i32.const 4096)) (then unreachable))
    (i32.sub (i32.load (i32.const 20)) (i32.const 1)))
  (func $opened (param $name i32) (param $length i32) (param $flags i32) (param $rights i64)
    (result i32)
    (if (call $open (i32.const 3) (i32.const 0) (local.get $name) (local.get $length)
          (local.get $flags) (local.get $rights) (local.get $rights) (i32.const 0) (i32.const 12))
      (then unreachable))
    (i32.load (i32.const 12)))
  (func $copy (param $from i32) (param $to i32)
    (block $end
      (loop $more
        (i32.store (i32.const 0) (i32.const 65536))
        (i32.store (i32.const 4) (i32.const 65536))
        (if (call $fd_read (local.get $from) (i32.const 0) (i32.const 1) (i32.const 8))
          (then unreachable))
        (br_if $end (i32.eqz (i32.load (i32.const 8))))
        (call $write (local.get $to) (i32.const 65536) (i32.load (i32.const 8)))
        (br $more))))
  (func $write (param $to i32) (param $at i32) (param $left i32)
    (loop $more
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (local.get $left))
      (if (call $fd_write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8))
        (then unreachable))
      (local.set $at (i32.add (local.get $at) (i32.load (i32.const 8))))
      (local.set $left (i32.sub (local.get $left) (i32.load (i32.const 8))))
      (br_if $more (local.get $left)))))

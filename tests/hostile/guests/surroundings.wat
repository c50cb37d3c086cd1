;; Looks for what a sandbox must not give; traps if it finds any of it.
(module
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "/etc/passwd")
  (func (export "no_environment")
    (if (call $environ (i32.const 0) (i32.const 4)) (then unreachable))
    (if (i32.load (i32.const 0)) (then unreachable)))
  (func (export "no_arguments_but_its_name")
    (if (call $args (i32.const 0) (i32.const 4)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 0)) (i32.const 1)) (then unreachable))
    (if (i32.ne (i32.load (i32.const 4)) (i32.const 6)) (then unreachable)))
  (func (export "no_folders") (local $descriptor i32)
    (local.set $descriptor (i32.const 3))
    (loop $next
      (if (i32.eqz (call $prestat (local.get $descriptor) (i32.const 0))) (then unreachable))
      (local.set $descriptor (i32.add (local.get $descriptor) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $descriptor) (i32.const 64)))))
  (func (export "no_files") (local $descriptor i32)
    (loop $next
      (if (i32.eqz (call $open (local.get $descriptor) (i32.const 0) (i32.const 64) (i32.const 11)
            (i32.const 0) (i64.const 2) (i64.const 2) (i32.const 0) (i32.const 0)))
        (then unreachable))
      (local.set $descriptor (i32.add (local.get $descriptor) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $descriptor) (i32.const 16))))))

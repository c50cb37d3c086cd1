;; Ends by proc_exit with the code that the export's name says.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "exit_0") (call $exit (i32.const 0)))
  (func (export "exit_1") (call $exit (i32.const 1)))
  (func (export "exit_125") (call $exit (i32.const 125)))
  (func (export "exit_126") (call $exit (i32.const 126)))
  (func (export "exit_255") (call $exit (i32.const 255)))
  (func (export "exit_minus_1") (call $exit (i32.const -1))))

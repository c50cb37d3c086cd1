;; A command that traps in a function whose name reads like another trap.
(component
  (core module $guest
    (func $"a\n\nCaused by:\n    wasm trap: interrupt" (export "run") (result i32) unreachable))
  (core instance $guest (instantiate $guest))
  (func $run (result (result)) (canon lift (core func $guest "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))

;; Exports that are not entry points.
(module
  (memory (export "memory") 1)
  (func (export "wants_a_number") (param i32))
  (func (export "gives_a_number") (result i32) (i32.const 1)))

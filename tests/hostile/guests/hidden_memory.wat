;; Uses a memory that it does not export.
(module
  (memory 3)
  (func (export "_start") (i32.store (i32.const 0) (i32.const 1))))

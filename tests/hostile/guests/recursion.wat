;; Calls itself until the stack is used up.
(module
  (func $deeper (export "_start") (call $deeper)))

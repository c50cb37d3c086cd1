;; Wants 8 MiB to begin with.
(module
  (memory (export "memory") 128)
  (func (export "_start")))

;; Its data does not fit in its memory, which shows only when it is instantiated.
(module
  (memory (export "memory") 1)
  (data (i32.const 65535) "too long")
  (func (export "_start")))

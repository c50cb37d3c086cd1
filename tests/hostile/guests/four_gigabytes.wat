;; Wants all the memory that 32 bits can address, to begin with.
(module
  (memory (export "memory") 65536)
  (func (export "_start")))

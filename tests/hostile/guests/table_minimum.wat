;; Wants a table of ten million elements to begin with.
(module
  (table 10000000 funcref)
  (func (export "_start")))

;; Grows a table until it is told no, and then fails.
(module
  (table $t 1 funcref)
  (func (export "_start")
    (loop $again
      (if (i32.eq (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1))
        (then unreachable))
      (br $again))))

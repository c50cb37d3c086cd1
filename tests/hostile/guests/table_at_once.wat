;; Asks for more of its tables than there is, at once.
(module
  (table $t 0 funcref)
  (table $e 0 externref)
  (func (export "functions")
    (if (i32.ne (table.grow $t (ref.null func) (i32.const 100001)) (i32.const -1))
      (then unreachable)))
  (func (export "references")
    (if (i32.ne (table.grow $e (ref.null extern) (i32.const -1)) (i32.const -1))
      (then unreachable)))
  (func (export "all_there_is")
    (if (i32.eq (table.grow $t (ref.null func) (i32.const 100000)) (i32.const -1))
      (then unreachable))))

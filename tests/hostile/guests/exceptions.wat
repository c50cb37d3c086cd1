;; Throws what nobody catches; and catches what it throws for ever.
(module
  (tag $oops (param i32))
  (memory (export "memory") 1)
  (func (export "uncaught") (throw $oops (i32.const 1)))
  (func (export "for_ever")
    (loop $again
      (block $caught (result i32)
        (try_table (catch $oops $caught) (throw $oops (i32.const 1)))
        (i32.const 0))
      drop
      (br $again))))

;; Instructions that move much for the fuel of one, again and again.
(module
  (memory (export "memory") 32)
  (table $t 100000 funcref)
  (func (export "memory_fill")
    (loop $again
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 2097152))
      (br $again)))
  (func (export "memory_copy")
    (loop $again
      (memory.copy (i32.const 1) (i32.const 0) (i32.const 2097151))
      (br $again)))
  (func (export "table_fill")
    (loop $again
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 100000))
      (br $again)))
  (func (export "table_copy")
    (loop $again
      (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 99999))
      (br $again))))

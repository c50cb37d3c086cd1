;; Asks for more memory for ever, whatever it is told.
(module
  (memory (export "memory") 1)
  (func (export "by_pages") (loop $again (drop (memory.grow (i32.const 1))) (br $again)))
  (func (export "by_nothing") (loop $again (drop (memory.grow (i32.const 0))) (br $again)))
  (func (export "by_everything") (loop $again (drop (memory.grow (i32.const -1))) (br $again))))

;; Takes all the memory that there is in its start function, and traps when it gets no more.
(module
  (memory (export "memory") 1)
  (func $start
    (loop $again
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then unreachable))
      (br $again)))
  (start $start)
  (func (export "_start")))

;; Computes for some milliseconds: beside it, the work of a supervisor does not count.
(module
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const 5000000))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))))

;; Computes for a while (some hundred milliseconds), then echoes nothing and succeeds.
(module
  (func (export "_start") (local $left i64)
    (local.set $left (i64.const 400000000))
    (loop $again
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (br_if $again (i64.ne (local.get $left) (i64.const 0))))))

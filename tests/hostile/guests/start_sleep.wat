;; Sleeps for an hour in its start function.
(module
  (prelude)
  (func $start
    (i64.store (i32.const 256) (i64.const 0))
    (i32.store8 (i32.const 264) (i32.const 0))
    (i32.store (i32.const 272) (i32.const 1))
    (i64.store (i32.const 280) (i64.const 3600000000000))
    (if (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 600))
      (then unreachable)))
  (start $start)
  (func (export "_start")))

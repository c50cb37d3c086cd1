;; Grows its memory between calls and lets the host write where nothing was before.
(module
  (prelude)
  (func (export "_start")
    (if (i32.eq (memory.grow (i32.const 8)) (i32.const -1)) (then unreachable))
    (call $answer (call $random_get (i32.const 600000) (i32.const 1000)))
    (call $answer (call $random_get (i32.const 655359) (i32.const 1)))
    (call $answer (call $random_get (i32.const 655360) (i32.const 1)))
    (call $answer (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 655352)))
    (call $answer (call $clock_time_get (i32.const 0) (i64.const 0) (i32.const 655353)))
    (call $tell)))

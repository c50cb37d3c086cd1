;; Its start function is its entry point, and calls itself through a table once: state is seen once
;; for each call.
(module
  (prelude)
  (type $nothing (func))
  (table 1 funcref)
  (elem (i32.const 0) $entry)
  (global $calls (mut i32) (i32.const 0))
  (func $entry (export "_start")
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (call $count (global.get $calls))
    (if (i32.eq (global.get $calls) (i32.const 1))
      (then (call_indirect (type $nothing) (i32.const 0)) return))
    (if (i32.eq (global.get $calls) (i32.const 3)) (then (call $tell))))
  (start $entry))

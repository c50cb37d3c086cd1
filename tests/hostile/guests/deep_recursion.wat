;; Ways to use up the stack other than a function that calls itself.
(module
  (type $nothing (func))
  (memory (export "memory") 1)
  (table 1 funcref)
  (elem (i32.const 0) $through_table)
  (func $ping (export "mutual") (call $pong))
  (func $pong (call $ping))
  (func $through_table (export "through_a_table") (call_indirect (type $nothing) (i32.const 0)))
  ;; Few calls with large frames.
  (func $wide (export "with_large_frames") (local $a i64) (local $b i64)
    (local.set $a (i64.load (i32.const 0)))
    (drop (call $many (local.get $a) (local.get $a) (local.get $a) (local.get $a) (local.get $a)
      (local.get $a) (local.get $a) (local.get $a) (local.get $a) (local.get $a) (local.get $a)
      (local.get $a) (local.get $a) (local.get $a) (local.get $a) (local.get $a))))
  (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
    (i64.add (local.get 15) (call $many (local.get 1) (local.get 2) (local.get 3) (local.get 4)
      (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)
      (local.get 11) (local.get 12) (local.get 13) (local.get 14) (local.get 15) (local.get 0))))
  ;; To the very edge by steps of different size, where a host call must still fit or trap.
  (func $edge (export "with_results") (drop (call $sum (i64.const 1))))
  (func $sum (param $n i64) (result i64)
    (i64.add (local.get $n) (call $sum (i64.add (local.get $n) (i64.const 1))))))

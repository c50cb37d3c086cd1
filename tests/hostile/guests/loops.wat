;; Loops of other shapes than a plain branch back.
(module
  (memory (export "memory") 1)
  (table 2 funcref)
  (elem (i32.const 0) $even $odd)
  (type $nothing (func))
  (func (export "by_branch_table")
    (loop $again (br_table $again $again (i32.load (i32.const 0)))))
  (func (export "while_storing") (local $at i32)
    (loop $again
      (i32.store (i32.and (local.get $at) (i32.const 0xfffc)) (local.get $at))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br $again)))
  (func (export "around_indirect_calls") (loop $again
    (call_indirect (type $nothing) (i32.const 0))
    (call_indirect (type $nothing) (i32.const 1))
    (br $again)))
  (func $even)
  (func $odd)
  ;; A tail call takes no stack, so only fuel and time end these.
  (func $tail (export "by_tail_call") (return_call $tail))
  (func $ping (export "by_mutual_tail_calls") (return_call $pong))
  (func $pong (return_call $ping))
  (func $turn (export "by_indirect_tail_call")
    (table.set (i32.const 0) (ref.func $turn))
    (return_call_indirect (type $nothing) (i32.const 0)))
  (elem declare func $turn))

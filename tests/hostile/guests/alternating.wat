;; Writes to both streams by turns, a byte or a page at a time, for ever.
(module
  (prelude)
  (func $by_turns (param $length i32)
    (loop $again
      (drop (call $write (i32.const 2) (i32.const 16384) (local.get $length)))
      (drop (call $write (i32.const 1) (i32.const 16384) (local.get $length)))
      (br $again)))
  (func (export "bytes") (call $by_turns (i32.const 1)))
  (func (export "pages") (call $by_turns (i32.const 65536)))
  (func (export "nothing") (call $by_turns (i32.const 0))))

;; Gives what is at the path that its input says another name, and the other way round.
(module
  (prelude)
  (func (export "_start")
    (call $read_input)
    (call $try (i32.const 3))
    (call $try (i32.const 4))
    (call $tell))
  (func $try (param $folder i32)
    (drop (call $create (i32.const 4) (text "own")))
    (call $answer (call $path_link (local.get $folder) (i32.const 0) (i32.const 65536) (global.get $length)
      (i32.const 4) (text "mine")))
    (call $answer (call $path_link (i32.const 4) (i32.const 0) (text "own")
      (local.get $folder) (i32.const 65536) (global.get $length)))))

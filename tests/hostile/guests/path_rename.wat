;; Moves what is at the path that its input says to itself, and its own file there.
(module
  (prelude)
  (func (export "_start")
    (call $read_input)
    (call $try (i32.const 3))
    (call $try (i32.const 4))
    (call $tell))
  (func $try (param $folder i32)
    (drop (call $create (i32.const 4) (text "own")))
    (call $answer (call $path_rename (local.get $folder) (i32.const 65536) (global.get $length)
      (i32.const 4) (text "mine")))
    (call $answer (call $path_rename (i32.const 4) (text "own")
      (local.get $folder) (i32.const 65536) (global.get $length)))))

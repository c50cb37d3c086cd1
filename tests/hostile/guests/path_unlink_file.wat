;; Removes the file at the path that its input says.
(module
  (prelude)
  (func (export "_start")
    (call $read_input)
    (call $try (i32.const 3))
    (call $try (i32.const 4))
    (call $tell))
  (func $try (param $folder i32)
    (call $answer (call $path_unlink_file (local.get $folder) (i32.const 65536) (global.get $length)))))

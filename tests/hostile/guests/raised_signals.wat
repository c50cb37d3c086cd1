;; Raises every signal.
(module
  (prelude)
  (func (export "_start") (local $signal i32)
    (loop $next
      (call $answer (call $proc_raise (local.get $signal)))
      (local.set $signal (i32.add (local.get $signal) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $signal) (i32.const 32))))
    (call $answer (call $proc_raise (i32.const -1)))
    (call $tell)))

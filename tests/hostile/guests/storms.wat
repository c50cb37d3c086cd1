;; Calls the host as fast as it can.
(module
  (prelude)
  (func (export "yield") (loop $again (drop (call $sched_yield)) (br $again)))
  (func (export "clock") (loop $again
    (drop (call $clock_time_get (i32.const 1) (i64.const 0) (i32.const 0))) (br $again)))
  (func (export "random") (loop $again
    (drop (call $random_get (i32.const 0) (i32.const 8))) (br $again)))
  (func (export "failures") (loop $again (drop (call $fd_close (i32.const 99))) (br $again)))
  (func (export "arguments") (loop $again
    (drop (call $args_get (i32.const 0) (i32.const 64))) (br $again)))
  (func (export "reads") (loop $again (drop (call $read (i32.const 0))) (br $again)))
  (func (export "polls") (loop $again
    (drop (call $poll_oneoff (i32.const 256) (i32.const 512) (i32.const 0) (i32.const 600)))
    (br $again))))

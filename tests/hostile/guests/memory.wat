;; Ways to ask for memory. `limit` in the names is what the tests allow: 4 MiB, 64 pages.
(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "grow_by_steps")
    (loop $again
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
      (br $again)))
  (func (export "grow_at_once")
    (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then unreachable)))
  (func (export "grow_and_say_no")
    (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then (call $exit (i32.const 1)))))
  (func (export "grow_and_do_without") (drop (memory.grow (i32.const 60000))))
  (func (export "grow_to_the_limit")
    (if (i32.eq (memory.grow (i32.const 63)) (i32.const -1)) (then unreachable))
    (i32.store (i32.const 0x3ffffc) (i32.const 1)))
  ;; What lies behind the memory is a guard, whatever the address.
  (func (export "read_behind_what_was_grown")
    (drop (memory.grow (i32.const 1)))
    (drop (i32.load (i32.const 131069))))
  (func (export "read_as_far_as_can_be") (drop (i64.load offset=0xffffffff (i32.const -1))))
  (func (export "grow_over_its_own_maximum") (drop (memory.grow (i32.const 65536)))))

;; Calls the host at every depth of its stack until there is none left.
(module
  (prelude)
  (func $deeper (export "_start")
    (drop (call $sched_yield))
    (call $deeper)))

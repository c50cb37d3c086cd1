;; Loops in its start function: the guest runs before its entry point is called.
(module
  (func $start (loop $again (br $again)))
  (start $start)
  (func (export "_start")))

;; Uses up its stack in its start function.
(module
  (func $start (call $start))
  (start $start)
  (func (export "_start")))

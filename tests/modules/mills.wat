;; Grinds its input: how long, in how much memory and what comes out depends on every byte of it.
;; Writes 16 bytes of what is left as hexadecimal JSON text, and a line to stderr.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 32) "ground\n")
  (global $dust (mut i64) (i64.const 0x6a09e667f3bcc908))
  (global $grit (mut f64) (f64.const 1))
  (func (export "_start") (local $at i32) (local $end i32)
    (local.set $end (call $read))
    (drop (memory.grow (i32.rem_u (local.get $end) (i32.const 7))))
    (local.set $at (i32.const 65536))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (i32.add (i32.const 65536) (local.get $end))))
        (call $grind (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (call $write (i32.const 2) (i32.const 32) (i32.const 7))
    (call $spell_out (i32.const 129) (global.get $dust))
    (call $spell_out (i32.const 145) (i64.reinterpret_f64 (global.get $grit)))
    (i32.store8 (i32.const 128) (i32.const 34))
    (i32.store8 (i32.const 161) (i32.const 34))
    (call $write (i32.const 1) (i32.const 128) (i32.const 34)))
  ;; As many turns as the byte says; the floating-point half meets infinities and NaNs on its way.
  (func $grind (param $byte i32) (local $turns i32)
    (local.set $turns (i32.mul (local.get $byte) (i32.const 11)))
    (loop $again
      (global.set $dust
        (i64.add (i64.const 0x9e3779b97f4a7c15)
          (i64.xor (i64.rotl (global.get $dust) (i64.const 13))
            (i64.extend_i32_u (local.get $byte)))))
      (global.set $grit
        (f64.sub (f64.mul (global.get $grit) (f64.const 1.25))
          (f64.div (f64.convert_i32_u (local.get $byte)) (global.get $grit))))
      (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
      (br_if $again (i32.gt_s (local.get $turns) (i32.const 0)))))
  (func $spell_out (param $at i32) (param $value i64) (local $digit i32) (local $left i32)
    (local.set $left (i32.const 16))
    (loop $next
      (local.set $digit (i32.wrap_i64 (i64.and (local.get $value) (i64.const 15))))
      (i32.store8 (local.get $at)
        (i32.add (local.get $digit)
          (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10)))))
      (local.set $value (i64.shr_u (local.get $value) (i64.const 4)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left))))
  ;; All of the input, at most 64 KiB, to 65536; answers how much.
  (func $read (result i32) (local $end i32)
    (block $done
      (loop $more
        (i32.store (i32.const 0) (i32.add (i32.const 65536) (local.get $end)))
        (i32.store (i32.const 4) (i32.sub (i32.const 65536) (local.get $end)))
        (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
          (then unreachable))
        (br_if $done (i32.eqz (i32.load (i32.const 8))))
        (local.set $end (i32.add (local.get $end) (i32.load (i32.const 8))))
        (br $more)))
    (local.get $end))
  (func $write (param $descriptor i32) (param $at i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (local.get $length))
    (if (call $fd_write (local.get $descriptor) (i32.const 0) (i32.const 1) (i32.const 8))
      (then unreachable))))

// The three doors of a spell: standard input, standard output, and leaving with a sentence.

import {
  fd_read,
  fd_write,
  proc_exit,
} from "@assemblyscript/wasi-shim/assembly/bindings/wasi_snapshot_preview1";

// Exit codes; 0 is success. Each failure leaves one sentence on stderr.
export const BAD_INPUT: i32 = 2;
export const TOO_LARGE: i32 = 3;
export const IO_FAULT: i32 = 4;
const OWN_FAULT: i32 = 70;

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
const STDERR: u32 = 2;

// One (address, length) pair for the call, and the number of bytes it moved.
const vector = memory.data(8);
const moved = memory.data(4);

/** Fill the buffer from stdin; give how many bytes came. A full buffer means there may be more. */
export function readInput(buffer: StaticArray<u8>): i32 {
  let length = 0;
  while (length < buffer.length) {
    store<usize>(vector, changetype<usize>(buffer) + length);
    store<usize>(vector, buffer.length - length, 4);
    if (fd_read(STDIN, vector, 1, moved) != 0) fail(IO_FAULT, "The input could not be read.");
    const count = load<i32>(moved);
    if (count == 0) break;
    length += count;
  }
  return length;
}

export function writeOutput(bytes: StaticArray<u8>, length: i32): void {
  if (!writeTo(STDOUT, changetype<usize>(bytes), length)) {
    fail(IO_FAULT, "The output could not be written.");
  }
}

export function fail(code: i32, sentence: string): void {
  const bytes = String.UTF8.encode(sentence + "\n");
  writeTo(STDERR, changetype<usize>(bytes), bytes.byteLength);
  proc_exit(code);
}

/** What the compiler calls when an index is out of bounds: a fault of ours, not of the platform. */
export function abort(
  _message: string | null,
  _file: string | null,
  _line: u32,
  _column: u32,
): void {
  fail(OWN_FAULT, "The spell met a fault of its own.");
}

function writeTo(descriptor: u32, start: usize, length: i32): bool {
  let written = 0;
  while (written < length) {
    store<usize>(vector, start + written);
    store<usize>(vector, length - written, 4);
    if (fd_write(descriptor, vector, 1, moved) != 0) return false;
    if (load<i32>(moved) == 0) return false;
    written += load<i32>(moved);
  }
  return true;
}

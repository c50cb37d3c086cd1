// The different values of one column and how often each occurs.

import { Slice } from "./bytes";

/** Values beyond this many are not told apart any more. */
export const DISTINCT_MAX: i32 = 1000;

const EMPTY: i32 = -1;

/** A hash table of slices of the input, in the order they were first seen. */
export class Values {
  length: i32 = 0;
  /** Whether values were left out because there were too many. */
  capped: bool = false;
  private starts: StaticArray<i32> = new StaticArray<i32>(16);
  private lengths: StaticArray<i32> = new StaticArray<i32>(16);
  private hashes: StaticArray<u32> = new StaticArray<u32>(16);
  private counts: StaticArray<i32> = new StaticArray<i32>(16);
  private slots: StaticArray<i32> = new StaticArray<i32>(32).fill(EMPTY);

  constructor(private readonly bytes: StaticArray<u8>) {}

  add(start: i32, length: i32): void {
    const hash = this.hash(start, length);
    const mask = this.slots.length - 1;
    let slot = (<i32>hash) & mask;
    for (; this.slots[slot] != EMPTY; slot = (slot + 1) & mask) {
      const index = this.slots[slot];
      if (this.hashes[index] == hash && this.equal(index, start, length)) {
        this.counts[index]++;
        return;
      }
    }
    if (this.length == DISTINCT_MAX) {
      this.capped = true;
      return;
    }
    if (this.length == this.starts.length) {
      this.grow();
      this.slots[this.freeSlot(hash)] = this.length;
    } else {
      this.slots[slot] = this.length;
    }
    this.starts[this.length] = start;
    this.lengths[this.length] = length;
    this.hashes[this.length] = hash;
    this.counts[this.length] = 1;
    this.length++;
  }

  value(index: i32): Slice {
    return new Slice(this.bytes, this.starts[index], this.lengths[index]);
  }

  count(index: i32): i32 {
    return this.counts[index];
  }

  /** The most common of the values after `previous` in the order of the answer; -1 when there is none. */
  nextCommon(previous: i32): i32 {
    let best = EMPTY;
    for (let i = 0; i < this.length; i++) {
      const later = previous == EMPTY || this.comesBefore(previous, i);
      if (later && (best == EMPTY || this.comesBefore(i, best))) best = i;
    }
    return best;
  }

  private comesBefore(left: i32, right: i32): bool {
    const difference = this.counts[left] - this.counts[right];
    return difference != 0 ? difference > 0 : left < right;
  }

  private hash(start: i32, length: i32): u32 {
    let hash: u32 = 2166136261; // FNV-1a
    for (let i = start; i < start + length; i++) hash = (hash ^ this.bytes[i]) * 16777619;
    return hash ^ (hash >> 15);
  }

  private equal(index: i32, start: i32, length: i32): bool {
    if (this.lengths[index] != length) return false;
    const first = this.starts[index];
    for (let i = 0; i < length; i++) {
      if (this.bytes[first + i] != this.bytes[start + i]) return false;
    }
    return true;
  }

  private freeSlot(hash: u32): i32 {
    const mask = this.slots.length - 1;
    let slot = (<i32>hash) & mask;
    while (this.slots[slot] != EMPTY) slot = (slot + 1) & mask;
    return slot;
  }

  private grow(): void {
    const grown = min(this.starts.length * 4, DISTINCT_MAX);
    this.starts = enlarged<i32>(this.starts, grown);
    this.lengths = enlarged<i32>(this.lengths, grown);
    this.hashes = enlarged<u32>(this.hashes, grown);
    this.counts = enlarged<i32>(this.counts, grown);
    this.slots = new StaticArray<i32>(this.slots.length * 4).fill(EMPTY);
    for (let i = 0; i < this.length; i++) this.slots[this.freeSlot(this.hashes[i])] = i;
  }
}

function enlarged<T>(from: StaticArray<T>, length: i32): StaticArray<T> {
  const to = new StaticArray<T>(length);
  for (let i = 0; i < from.length; i++) to[i] = from[i];
  return to;
}

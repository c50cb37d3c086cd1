// Text as UTF-8 bytes: slices of the input, which nobody copies, and the output as it grows.

export const QUOTE: i32 = 0x22;
export const BACKSLASH: i32 = 0x5c;
export const NEWLINE: i32 = 0x0a;
export const RETURN: i32 = 0x0d;
export const SPACE: i32 = 0x20;
export const TAB: i32 = 0x09;

/** Part of the input. */
export class Slice {
  constructor(
    readonly bytes: StaticArray<u8>,
    readonly start: i32,
    readonly length: i32,
  ) {}

  at(index: i32): i32 {
    return <i32>this.bytes[this.start + index];
  }

  equals(text: string): bool {
    if (this.length != text.length) return false;
    for (let i = 0; i < this.length; i++) {
      if (this.at(i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Length of the longest start that has at most this many characters. */
  lengthOfCharacters(characters: i32): i32 {
    for (let i = 0; i < this.length; i++) {
      const continues = (this.at(i) & 0xc0) == 0x80;
      if (!continues && --characters < 0) return i;
    }
    return this.length;
  }
}

/** Bytes that grow. */
export class Output {
  bytes: StaticArray<u8> = new StaticArray<u8>(64 * 1024);
  length: i32 = 0;

  addByte(byte: i32): void {
    if (this.length == this.bytes.length) this.grow();
    this.bytes[this.length++] = <u8>byte;
  }

  /** Add text that is known to be ASCII. */
  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.addByte(text.charCodeAt(i));
  }

  private grow(): void {
    const grown = new StaticArray<u8>(this.bytes.length * 2);
    memory.copy(changetype<usize>(grown), changetype<usize>(this.bytes), this.length);
    this.bytes = grown;
  }
}

export function isDigit(byte: i32): bool {
  return byte >= 0x30 && byte <= 0x39;
}

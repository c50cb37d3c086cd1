// The little JSON this spell speaks: strict reading of a flat object of strings, and writing.

import { BACKSLASH, NEWLINE, Output, QUOTE, RETURN, SPACE, Slice, TAB, isDigit } from "./bytes";
import { BAD_INPUT, fail } from "./wasi";

const END: i32 = -1;
const HEX = "0123456789abcdef";

/** Decodes strings where they stand: a decoded string never needs more room than its source. */
export class JsonReader {
  private at: i32 = 0;
  private first: bool = true;

  constructor(
    private readonly bytes: StaticArray<u8>,
    private readonly length: i32,
  ) {}

  beginObject(): void {
    this.expect(0x7b, "a JSON object was expected");
  }

  /** Read the next key; null when the object has ended. */
  nextKey(): Slice | null {
    if (this.peekAfterSpace() == 0x7d) {
      this.at++;
      return null;
    }
    if (!this.first) this.expect(0x2c, "a comma or the end of the object was expected");
    this.first = false;
    const key = this.readString();
    this.expect(0x3a, "a colon was expected");
    return key;
  }

  readString(): Slice {
    this.expect(QUOTE, "a string was expected");
    const start = this.at;
    let to = start;
    for (;;) {
      const byte = this.peek();
      if (byte == END) this.refuse("a string that never ends was found");
      if (byte < SPACE) this.refuse("a raw control character was found in a string");
      if (byte == QUOTE) break;
      if (byte == BACKSLASH) {
        this.at++;
        to = this.readEscape(to);
      } else {
        const width = byte < 0x80 ? 1 : this.widthOfCharacter();
        for (let i = 0; i < width; i++) this.bytes[to++] = this.bytes[this.at++];
      }
    }
    this.at++;
    return new Slice(this.bytes, start, to - start);
  }

  /** Only white space may follow the object. */
  end(): void {
    if (this.peekAfterSpace() != END) this.refuse("text after the end of the object was found");
  }

  private peek(): i32 {
    return this.at < this.length ? <i32>this.bytes[this.at] : END;
  }

  private peekAfterSpace(): i32 {
    let byte = this.peek();
    while (byte == SPACE || byte == TAB || byte == NEWLINE || byte == RETURN) {
      this.at++;
      byte = this.peek();
    }
    return byte;
  }

  private expect(wanted: i32, problem: string): void {
    if (this.peekAfterSpace() != wanted) this.refuse(problem);
    this.at++;
  }

  private refuse(problem: string): void {
    fail(BAD_INPUT, `The input is not valid: ${problem} at byte ${this.at}.`);
  }

  private readEscape(to: i32): i32 {
    const letter = this.peek();
    this.at++;
    let byte = letter; // a quote, a backslash and a slash stand for themselves
    if (letter == 0x62) byte = 0x08;
    else if (letter == 0x66) byte = 0x0c;
    else if (letter == 0x6e) byte = NEWLINE;
    else if (letter == 0x72) byte = RETURN;
    else if (letter == 0x74) byte = TAB;
    else if (letter == 0x75) return this.writeCharacter(this.readUnicodeEscape(), to);
    else if (letter != QUOTE && letter != BACKSLASH && letter != 0x2f) {
      this.refuse("an unknown escape was found");
    }
    this.bytes[to] = <u8>byte;
    return to + 1;
  }

  private readFourHex(): u32 {
    let value: u32 = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.peek();
      const lower = byte | 0x20;
      let digit = -1;
      if (byte != END && isDigit(byte)) digit = byte - 0x30;
      else if (byte != END && lower >= 0x61 && lower <= 0x66) digit = lower - 0x61 + 10;
      if (digit < 0) this.refuse("four hexadecimal digits were expected");
      value = value * 16 + digit;
      this.at++;
    }
    return value;
  }

  /** After "\u": one code point, which two escapes may share as a surrogate pair. */
  private readUnicodeEscape(): u32 {
    const unit = this.readFourHex();
    if (unit < 0xd800 || unit > 0xdfff) return unit;
    let low: u32 = 0;
    if (unit <= 0xdbff && this.peek() == BACKSLASH) {
      this.at++;
      if (this.peek() == 0x75) {
        this.at++;
        low = this.readFourHex();
      }
    }
    if (low < 0xdc00 || low > 0xdfff) this.refuse("a surrogate without its other half was found");
    return 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
  }

  private writeCharacter(point: u32, to: i32): i32 {
    if (point < 0x80) {
      this.bytes[to++] = <u8>point;
      return to;
    }
    const tail = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    const mark: u32 = tail == 1 ? 0xc0 : tail == 2 ? 0xe0 : 0xf0;
    this.bytes[to++] = <u8>(mark | (point >> (6 * tail)));
    for (let i = tail - 1; i >= 0; i--) this.bytes[to++] = <u8>(0x80 | ((point >> (6 * i)) & 0x3f));
    return to;
  }

  /** Width of the well-formed UTF-8 character at the current position. */
  private widthOfCharacter(): i32 {
    const lead = this.peek();
    const width =
      lead >= 0xc2 && lead <= 0xdf
        ? 2
        : (lead & 0xf0) == 0xe0
          ? 3
          : lead >= 0xf0 && lead <= 0xf4
            ? 4
            : 0;
    let valid = width > 0 && width <= this.length - this.at;
    for (let i = 1; valid && i < width; i++) valid = (this.bytes[this.at + i] & 0xc0) == 0x80;
    if (valid && width > 2) valid = this.secondByteFits(lead, <i32>this.bytes[this.at + 1]);
    if (!valid) this.refuse("bytes that are not UTF-8 were found");
    return width;
  }

  /** No character may be written longer than needed, be a surrogate, or lie beyond U+10FFFF. */
  private secondByteFits(lead: i32, second: i32): bool {
    if (lead == 0xe0) return second >= 0xa0;
    if (lead == 0xed) return second < 0xa0;
    if (lead == 0xf0) return second >= 0x90;
    if (lead == 0xf4) return second < 0x90;
    return true;
  }
}

/** Write the first bytes of a slice as a JSON string. */
export function writeString(out: Output, text: Slice, length: i32): void {
  out.addByte(QUOTE);
  for (let i = 0; i < length; i++) {
    const byte = text.at(i);
    if (byte == QUOTE || byte == BACKSLASH) {
      out.addByte(BACKSLASH);
      out.addByte(byte);
    } else if (byte < SPACE) {
      out.addText("\\u00");
      out.addByte(HEX.charCodeAt(byte >> 4));
      out.addByte(HEX.charCodeAt(byte & 15));
    } else {
      out.addByte(byte);
    }
  }
  out.addByte(QUOTE);
}

/** Write a number; JSON has no word for one that is not finite, so that becomes null. */
export function writeNumber(out: Output, value: f64): void {
  if (!isFinite(value)) out.addText("null");
  else if (Math.trunc(value) == value && Math.abs(value) < 9007199254740992.0)
    out.addText((<i64>value).toString());
  else out.addText(value.toString());
}

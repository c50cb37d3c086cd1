// Comma-separated values after RFC 4180, strictly: what is not clear is refused with its line.

import { NEWLINE, QUOTE, RETURN, Slice } from "./bytes";
import { BAD_INPUT, TOO_LARGE, fail } from "./wasi";

export const COLUMNS_MAX: i32 = 256;

const END: i32 = -1;

/** Gives the rows of a table one by one. Doubled quotes are undone where they stand. */
export class CsvReader {
  /** Line the current row starts on, counted from 1. */
  line: i32 = 0;
  /** How many fields the current row has, and where they are. */
  fieldCount: i32 = 0;
  private readonly starts: StaticArray<i32> = new StaticArray<i32>(COLUMNS_MAX);
  private readonly lengths: StaticArray<i32> = new StaticArray<i32>(COLUMNS_MAX);
  private readonly bytes: StaticArray<u8>;
  private readonly end: i32;
  private at: i32;
  private nextLine: i32 = 1;

  constructor(
    text: Slice,
    private readonly delimiter: u8,
  ) {
    this.bytes = text.bytes;
    this.at = text.start;
    this.end = text.start + text.length;
    const marked =
      text.length >= 3 && text.at(0) == 0xef && text.at(1) == 0xbb && text.at(2) == 0xbf;
    if (marked) this.at += 3; // a byte order mark
  }

  field(index: i32): Slice {
    return new Slice(this.bytes, this.starts[index], this.lengths[index]);
  }

  startOf(index: i32): i32 {
    return this.starts[index];
  }

  lengthOf(index: i32): i32 {
    return this.lengths[index];
  }

  /** Read one row. False when there are no more; empty lines are passed over. */
  nextRow(): bool {
    while (this.takeLineEnd()) {}
    if (this.peek() == END) return false;
    this.line = this.nextLine;
    this.fieldCount = 0;
    for (;;) {
      this.readField();
      if (this.peek() != this.delimiter) break;
      this.at++;
    }
    this.takeLineEnd();
    return true;
  }

  private peek(): i32 {
    return this.at < this.end ? <i32>this.bytes[this.at] : END;
  }

  private takeLineEnd(): bool {
    const byte = this.peek();
    if (byte != RETURN && byte != NEWLINE) return false;
    this.at++;
    if (byte == RETURN && this.peek() == NEWLINE) this.at++;
    this.nextLine++;
    return true;
  }

  private readField(): void {
    if (this.fieldCount == COLUMNS_MAX) {
      fail(TOO_LARGE, `Line ${this.line} has more than ${COLUMNS_MAX} fields.`);
    }
    if (this.peek() == QUOTE) this.readQuotedField();
    else this.readPlainField();
    this.fieldCount++;
  }

  private readPlainField(): void {
    const start = this.at;
    for (;;) {
      const byte = this.peek();
      if (byte == END || byte == this.delimiter || byte == RETURN || byte == NEWLINE) break;
      if (byte == QUOTE)
        fail(BAD_INPUT, `Line ${this.nextLine} has a quote inside a field without quotes.`);
      this.at++;
    }
    this.starts[this.fieldCount] = start;
    this.lengths[this.fieldCount] = this.at - start;
  }

  private readQuotedField(): void {
    const start = ++this.at;
    let to = start;
    for (;;) {
      const byte = this.peek();
      if (byte == END) fail(BAD_INPUT, `Line ${this.line} has a quote that is never closed.`);
      this.at++;
      if (byte == QUOTE) {
        if (this.peek() != QUOTE) break;
        this.at++;
      }
      if (byte == NEWLINE || (byte == RETURN && this.peek() != NEWLINE)) this.nextLine++;
      this.bytes[to++] = <u8>byte;
    }
    const byte = this.peek();
    if (byte != END && byte != this.delimiter && byte != RETURN && byte != NEWLINE) {
      fail(BAD_INPUT, `Line ${this.nextLine} has text after a closing quote.`);
    }
    this.starts[this.fieldCount] = start;
    this.lengths[this.fieldCount] = to - start;
  }
}

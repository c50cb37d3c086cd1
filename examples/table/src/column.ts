// What is said about one column.

import { Output, SPACE, Slice, TAB } from "./bytes";
import { writeNumber, writeString } from "./json";
import { parseNumber } from "./number";
import { Values } from "./values";

const TOP_MAX: i32 = 5;
const VALUE_CHARACTERS_MAX: i32 = 100;

export class Column {
  private count: i32 = 0;
  private missing: i32 = 0;
  private allNumbers: bool = true;
  private smallest: f64 = Infinity;
  private largest: f64 = -Infinity;
  // Sum with the part that rounding lost (Neumaier), and running mean and squares (Welford).
  private sum: f64 = 0;
  private lost: f64 = 0;
  private runningMean: f64 = 0;
  private squares: f64 = 0;
  private readonly values: Values;

  constructor(
    private readonly bytes: StaticArray<u8>,
    private readonly name: Slice,
  ) {
    this.values = new Values(bytes);
  }

  add(start: i32, length: i32): void {
    let first = start;
    let end = start + length;
    while (first < end && isBlank(this.bytes[first])) first++;
    while (end > first && isBlank(this.bytes[end - 1])) end--;
    if (first == end) {
      this.missing++;
      return;
    }
    this.count++;
    this.values.add(start, length);
    if (!this.allNumbers) return;
    const number = parseNumber(this.bytes, first, end);
    if (isNaN(number)) this.allNumbers = false;
    else this.addNumber(number);
  }

  write(out: Output): void {
    out.addText('{"name":');
    writeString(out, this.name, this.name.length);
    const isNumber = this.allNumbers && this.count > 0;
    out.addText(isNumber ? ',"type":"number"' : ',"type":"text"');
    this.writeMember(out, "count", this.count);
    this.writeMember(out, "missing", this.missing);
    this.writeMember(out, "min", isNumber ? this.smallest : NaN);
    this.writeMember(out, "max", isNumber ? this.largest : NaN);
    this.writeMember(out, "mean", isNumber ? (this.sum + this.lost) / this.count : NaN);
    this.writeMember(out, "stddev", isNumber ? this.deviation() : NaN);
    this.writeMember(out, "distinct", this.values.length);
    out.addText(this.values.capped ? ',"distinct_capped":true' : ',"distinct_capped":false');
    out.addText(',"top":[');
    this.writeTop(out);
    out.addText("]}");
  }

  private addNumber(number: f64): void {
    this.smallest = min(this.smallest, number);
    this.largest = max(this.largest, number);
    const sum = this.sum + number;
    const larger = Math.abs(this.sum) >= Math.abs(number);
    this.lost += larger ? this.sum - sum + number : number - sum + this.sum;
    this.sum = sum;
    const step = number - this.runningMean;
    this.runningMean += step / this.count;
    this.squares += step * (number - this.runningMean);
  }

  /** Of a sample: one value says nothing about spread. */
  private deviation(): f64 {
    return this.count > 1 ? Math.sqrt(this.squares / (this.count - 1)) : NaN;
  }

  private writeMember(out: Output, name: string, value: f64): void {
    out.addText(`,"${name}":`);
    writeNumber(out, value);
  }

  /** The values that occur more than once, the most common first. */
  private writeTop(out: Output): void {
    let index = -1;
    for (let rank = 0; rank < TOP_MAX; rank++) {
      index = this.values.nextCommon(index);
      if (index < 0 || this.values.count(index) < 2) return;
      const value = this.values.value(index);
      out.addText(rank > 0 ? ',{"value":' : '{"value":');
      writeString(out, value, value.lengthOfCharacters(VALUE_CHARACTERS_MAX));
      this.writeMember(out, "count", this.values.count(index));
      out.addText("}");
    }
  }
}

function isBlank(byte: i32): bool {
  return byte == SPACE || byte == TAB;
}

// The spell: a table as CSV on stdin, what is in each of its columns on stdout, both inside JSON.

import { Output, Slice } from "./bytes";
import { Column } from "./column";
import { CsvReader } from "./csv";
import { JsonReader } from "./json";
import { BAD_INPUT, TOO_LARGE, fail, readInput, writeOutput } from "./wasi";

const INPUT_BYTES_MAX: i32 = 3 * 1024 * 1024 + 64 * 1024;
const NAME_CHARACTERS_MAX: i32 = 200;
const DELIMITERS = ",;\t|";

class Request {
  csv: Slice | null = null;
  delimiter: Slice | null = null;
}

main();

function main(): void {
  const input = new StaticArray<u8>(INPUT_BYTES_MAX + 1);
  const length = readInput(input);
  if (length > INPUT_BYTES_MAX) fail(TOO_LARGE, "The input is longer than 3 MiB.");
  const request = readRequest(input, length);
  const out = new Output();
  describe(new CsvReader(request.csv!, chooseDelimiter(request.delimiter)), input, out);
  writeOutput(out.bytes, out.length);
}

function readRequest(input: StaticArray<u8>, length: i32): Request {
  const reader = new JsonReader(input, length);
  const request = new Request();
  reader.beginObject();
  for (let key = reader.nextKey(); key; key = reader.nextKey()) {
    const isCsv = key.equals("csv");
    if (!isCsv && !key.equals("delimiter")) {
      fail(BAD_INPUT, "The input may only have the members csv and delimiter.");
    }
    if (isCsv ? request.csv : request.delimiter) fail(BAD_INPUT, "The input names a member twice.");
    if (isCsv) request.csv = reader.readString();
    else request.delimiter = reader.readString();
  }
  reader.end();
  if (!request.csv) fail(BAD_INPUT, "The input must have the member csv.");
  return request;
}

function chooseDelimiter(text: Slice | null): u8 {
  if (!text) return 0x2c;
  const known = text.length == 1 && DELIMITERS.includes(String.fromCharCode(text.at(0)));
  if (!known) fail(BAD_INPUT, "The delimiter must be a comma, a semicolon, a tab or a bar.");
  return <u8>text.at(0);
}

function describe(reader: CsvReader, input: StaticArray<u8>, out: Output): void {
  if (!reader.nextRow()) fail(BAD_INPUT, "The table has no header line.");
  const columns = nameColumns(reader, input);
  let rows = 0;
  for (; reader.nextRow(); rows++) {
    if (reader.fieldCount != columns.length) {
      const counts = `${reader.fieldCount} and ${columns.length}`;
      fail(
        BAD_INPUT,
        `Line ${reader.line} and the header differ in their number of fields: ${counts}.`,
      );
    }
    for (let i = 0; i < columns.length; i++) columns[i].add(reader.startOf(i), reader.lengthOf(i));
  }
  out.addText(`{"rows":${rows},"columns":[`);
  for (let i = 0; i < columns.length; i++) {
    if (i > 0) out.addText(",");
    columns[i].write(out);
  }
  out.addText("]}\n");
}

function nameColumns(reader: CsvReader, input: StaticArray<u8>): StaticArray<Column> {
  const columns = new StaticArray<Column>(reader.fieldCount);
  for (let i = 0; i < columns.length; i++) {
    const name = reader.field(i);
    if (name.lengthOfCharacters(NAME_CHARACTERS_MAX) < name.length) {
      fail(
        BAD_INPUT,
        `The name of column ${i + 1} is longer than ${NAME_CHARACTERS_MAX} characters.`,
      );
    }
    columns[i] = new Column(input, name);
  }
  return columns;
}

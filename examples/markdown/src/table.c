/* Rows of tables: cells lie between pipes that no backslash escapes. */
#include "blocks.h"

#include "text.h"

TableRow table_row(Slice row) {
    row = slice_trim(row);
    if (row.length > 0 && row.bytes[0] == '|') row.bytes++, row.length--;
    bool closed = row.length > 0 && row.bytes[row.length - 1] == '|';
    bool escaped = row.length > 1 && row.bytes[row.length - 2] == '\\';
    if (closed && !escaped) row.length--;
    return (TableRow){row, 0};
}

bool table_next_cell(TableRow *row, Slice *cell) {
    Slice inner = row->inner;
    if (row->at > inner.length) return false;
    size_t end = row->at;
    while (end < inner.length && inner.bytes[end] != '|') {
        if (inner.bytes[end] == '\\' && end + 1 < inner.length) end++;
        end++;
    }
    *cell = slice_trim(slice_between(inner, row->at, end));
    row->at = end + 1;
    return true;
}

size_t table_cell_count(Slice line) {
    TableRow row = table_row(line);
    size_t count = 0;
    Slice cell;
    while (table_next_cell(&row, &cell)) count++;
    return count;
}

bool table_is_delimiter_row(Slice line) {
    bool has_pipe = false;
    for (size_t i = 0; i < line.length; i++) {
        char byte = line.bytes[i];
        if (byte == '|') has_pipe = true;
        else if (byte != '-' && byte != ':' && !is_space(byte)) return false;
    }
    TableRow row = table_row(line);
    Slice cell;
    while (table_next_cell(&row, &cell)) {
        size_t start = cell.length > 0 && cell.bytes[0] == ':' ? 1 : 0;
        size_t end = cell.length > start && cell.bytes[cell.length - 1] == ':' ? cell.length - 1
                                                                               : cell.length;
        if (end == start) return false;
        for (size_t i = start; i < end; i++) {
            if (cell.bytes[i] != '-') return false;
        }
    }
    return has_pipe;
}

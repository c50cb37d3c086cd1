#include "line.h"

#include "text.h"

enum { TAB_STOP = 4 };

int line_byte(const Line *line, size_t at) {
    return at < line->text.length ? (unsigned char)line->text.bytes[at] : -1;
}

Slice line_rest(const Line *line, size_t at) {
    return slice_between(line->text, at, line->text.length);
}

void line_find_text(Line *line) {
    size_t at = line->at;
    int column = line->column;
    if (line->tab_left > 0) {
        column += line->tab_left;
        at++;
    }
    for (; is_space_or_tab(line_byte(line, at)); at++) {
        column += line_byte(line, at) == '\t' ? TAB_STOP - column % TAB_STOP : 1;
    }
    line->text_at = at;
    line->text_column = column;
    line->indent = column - line->column;
    line->blank = at >= line->text.length;
}

void line_advance(Line *line, int columns) {
    while (columns > 0 && line->at < line->text.length) {
        int width = 1;
        if (line_byte(line, line->at) == '\t') {
            width = line->tab_left > 0 ? line->tab_left : TAB_STOP - line->column % TAB_STOP;
        }
        int step = width < columns ? width : columns;
        line->column += step;
        line->tab_left = width - step;
        if (line->tab_left == 0) line->at++;
        columns -= step;
    }
}

void line_advance_to_text(Line *line) {
    line->at = line->text_at;
    line->column = line->text_column;
    line->tab_left = 0;
}

void line_advance_to_end(Line *line) {
    line->at = line->text.length;
    line->tab_left = 0;
}

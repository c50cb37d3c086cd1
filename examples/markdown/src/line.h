/* A place in one line, which knows what column it is: tabs reach to the next multiple of four. */
#ifndef LINE_H
#define LINE_H

#include "buffer.h"

typedef struct {
    Slice text; /* without its line end */
    size_t number;
    size_t at;      /* next byte to look at */
    int column;     /* where that byte stands */
    int tab_left;   /* columns of a tab at `at` that are still to be used */
    size_t text_at; /* first byte that is not a space or tab */
    int text_column;
    int indent; /* from `column` to `text_column` */
    bool blank;
} Line;

/* -1 past the end. */
int line_byte(const Line *line, size_t at);
Slice line_rest(const Line *line, size_t at);
/* Set `text_at` and what follows from it; to be called after moving. */
void line_find_text(Line *line);
/* Step over this many columns; part of a tab may be left over. */
void line_advance(Line *line, int columns);
void line_advance_to_text(Line *line);
void line_advance_to_end(Line *line);

#endif

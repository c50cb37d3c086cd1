/* Inside one block: emphasis, code spans, links, images, autolinks, line breaks. */
#ifndef INLINES_H
#define INLINES_H

#include "buffer.h"
#include "links.h"

typedef struct Inlines Inlines;

/* Counts words as visible text goes by: runs between white space that hold a letter or a digit. */
typedef struct {
    unsigned long words;
    bool in_word;
} WordCount;

Inlines *inlines_create(const References *references);
void inlines_parse(Inlines *inlines, Slice text);
void inlines_write_html(const Inlines *inlines, Buffer *out);
void inlines_write_plain(const Inlines *inlines, Buffer *out, WordCount *count);

void count_words(WordCount *count, Slice text);

#endif

/* Markdown to HTML, with the headings and the number of words on the way. */
#ifndef MARKDOWN_H
#define MARKDOWN_H

#include "buffer.h"

typedef struct {
    int level;
    Slice text;
    Slice id;
} Heading;

typedef struct {
    Buffer html;
    Heading *headings;
    size_t heading_count;
    unsigned long words;
} Document;

enum { HTML_BYTES_MAX = 1500 * 1000, HEADINGS_MAX = 1000 };

/* Safe by design: HTML in the source is shown, not obeyed, and links may only lead where text can.
 */
void markdown_render(Slice source, Document *document);

#endif

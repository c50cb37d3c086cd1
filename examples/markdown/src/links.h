/* The parts of links, and the table of link reference definitions ("[label]: url"). */
#ifndef LINKS_H
#define LINKS_H

#include "buffer.h"

/* Each scan starts at the first byte of its part and returns the position after it, or 0. */
size_t scan_label(Slice text, size_t at, Slice *label);
size_t scan_destination(Slice text, size_t at, Slice *destination);
size_t scan_title(Slice text, size_t at, Slice *title);
size_t skip_spaces(Slice text, size_t at);

typedef struct Reference {
    struct Reference *next;
    unsigned hash;
    Slice label; /* normalised */
    Slice destination;
    Slice title;
} Reference;

typedef struct {
    Reference **slots;
    size_t slot_count; /* a power of two */
    size_t count;
} References;

/* Take one definition off the start of a paragraph. Returns its length, 0 when there is none. */
size_t references_take(References *references, Slice paragraph);
const Reference *references_find(const References *references, Slice label);

unsigned hash_bytes(Slice bytes);

#endif

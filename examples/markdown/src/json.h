/* The little JSON this spell speaks: strict reading of a flat object, and writing of strings. */
#ifndef JSON_H
#define JSON_H

#include "buffer.h"

/* Reads from bytes it may overwrite: a decoded string never needs more room than its source. */
typedef struct {
    char *bytes;
    size_t length;
    size_t at;
    bool first_member;
} JsonReader;

void json_begin_object(JsonReader *reader);
/* Read the next key; false when the object has ended. */
bool json_next_key(JsonReader *reader, Slice *key);
Slice json_read_string(JsonReader *reader);
bool json_read_bool(JsonReader *reader);
/* Only white space may follow the object. */
void json_end(JsonReader *reader);

void json_write_string(Buffer *out, Slice text);

#endif

/* Bytes: slices of them, buffers that grow up to a limit, and the one way this program fails. */
#ifndef BUFFER_H
#define BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/* Exit codes; 0 is success. Each failure leaves one sentence on stderr. */
enum { EXIT_BAD_INPUT = 2, EXIT_TOO_LARGE = 3, EXIT_IO = 4 };

/* Bytes somebody else owns. */
typedef struct {
    const char *bytes;
    size_t length;
} Slice;

/* Bytes we own. Growing past `limit` ends the program with EXIT_TOO_LARGE and `limit_sentence`. */
typedef struct {
    char *bytes;
    size_t length;
    size_t capacity;
    size_t limit;
    const char *limit_sentence;
} Buffer;

_Noreturn void fail(int code, const char *sentence);

void buffer_add(Buffer *buffer, const char *bytes, size_t length);
void buffer_add_byte(Buffer *buffer, char byte);
void buffer_add_slice(Buffer *buffer, Slice slice);
void buffer_add_text(Buffer *buffer, const char *text);
void buffer_add_number(Buffer *buffer, unsigned long number);
void buffer_free(Buffer *buffer);
Slice buffer_slice(const Buffer *buffer);

/* Memory that lives until the program ends, zeroed. */
void *arena_allocate(size_t size);
Slice arena_copy(Slice slice);

/* Make room for one more element in an array that doubles. */
void *array_grow(void *elements, size_t length, size_t *capacity, size_t element_size);

Slice slice_of(const char *text);
Slice slice_between(Slice slice, size_t start, size_t end);
Slice slice_trim(Slice slice);
bool slice_equal(Slice left, Slice right);

void read_all(Buffer *buffer);
void write_all(Slice slice);

#endif

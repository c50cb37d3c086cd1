#include "buffer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARENA_CHUNK = 64 * 1024, READ_CHUNK = 64 * 1024 };

static void write_to(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written <= 0) _exit(EXIT_IO);
        bytes += written;
        length -= (size_t)written;
    }
}

_Noreturn void fail(int code, const char *sentence) {
    write_to(STDERR_FILENO, sentence, strlen(sentence));
    write_to(STDERR_FILENO, "\n", 1);
    _exit(code);
}

static _Noreturn void fail_out_of_memory(void) {
    fail(EXIT_TOO_LARGE, "The document needs more memory than this spell may use.");
}

static void buffer_reserve(Buffer *buffer, size_t extra) {
    if (extra > buffer->limit - buffer->length) fail(EXIT_TOO_LARGE, buffer->limit_sentence);
    size_t needed = buffer->length + extra;
    if (needed <= buffer->capacity) return;
    size_t capacity = buffer->capacity ? buffer->capacity * 2 : 4096;
    if (capacity < needed) capacity = needed;
    if (capacity > buffer->limit) capacity = buffer->limit;
    char *bytes = realloc(buffer->bytes, capacity);
    if (!bytes) fail_out_of_memory();
    buffer->bytes = bytes;
    buffer->capacity = capacity;
}

void buffer_add(Buffer *buffer, const char *bytes, size_t length) {
    if (length == 0) return;
    buffer_reserve(buffer, length);
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
}

void buffer_add_byte(Buffer *buffer, char byte) {
    if (buffer->length == buffer->capacity) buffer_reserve(buffer, 1);
    buffer->bytes[buffer->length++] = byte;
}

void buffer_add_slice(Buffer *buffer, Slice slice) {
    buffer_add(buffer, slice.bytes, slice.length);
}

void buffer_add_text(Buffer *buffer, const char *text) { buffer_add(buffer, text, strlen(text)); }

void buffer_add_number(Buffer *buffer, unsigned long number) {
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_add(buffer, digits + at, sizeof digits - at);
}

void buffer_free(Buffer *buffer) {
    free(buffer->bytes);
    buffer->bytes = NULL;
    buffer->length = buffer->capacity = 0;
}

Slice buffer_slice(const Buffer *buffer) { return (Slice){buffer->bytes, buffer->length}; }

void *arena_allocate(size_t size) {
    static char *chunk;
    static size_t remaining;
    size = (size + 7) & ~(size_t)7;
    if (size > remaining) {
        size_t chunk_size = size > ARENA_CHUNK / 4 ? size : ARENA_CHUNK;
        char *fresh = calloc(1, chunk_size);
        if (!fresh) fail_out_of_memory();
        if (chunk_size == size) return fresh; /* large: its own block, the current chunk stays */
        chunk = fresh;
        remaining = chunk_size;
    }
    void *result = chunk;
    chunk += size;
    remaining -= size;
    return result;
}

Slice arena_copy(Slice slice) {
    if (slice.length == 0) return (Slice){"", 0};
    char *bytes = arena_allocate(slice.length);
    memcpy(bytes, slice.bytes, slice.length);
    return (Slice){bytes, slice.length};
}

void *array_grow(void *elements, size_t length, size_t *capacity, size_t element_size) {
    if (length < *capacity) return elements;
    size_t grown = *capacity ? *capacity * 2 : 64;
    if (grown > SIZE_MAX / element_size) fail_out_of_memory();
    void *moved = realloc(elements, grown * element_size);
    if (!moved) fail_out_of_memory();
    *capacity = grown;
    return moved;
}

Slice slice_of(const char *text) { return (Slice){text, strlen(text)}; }

Slice slice_between(Slice slice, size_t start, size_t end) {
    return (Slice){slice.bytes + start, end - start};
}

static bool is_blank_byte(char byte) {
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

Slice slice_trim(Slice slice) {
    while (slice.length > 0 && is_blank_byte(slice.bytes[0])) slice.bytes++, slice.length--;
    while (slice.length > 0 && is_blank_byte(slice.bytes[slice.length - 1])) slice.length--;
    return slice;
}

bool slice_equal(Slice left, Slice right) {
    return left.length == right.length && memcmp(left.bytes, right.bytes, left.length) == 0;
}

void read_all(Buffer *buffer) {
    for (;;) {
        if (buffer->capacity - buffer->length < READ_CHUNK) {
            size_t room = buffer->limit - buffer->length;
            buffer_reserve(buffer, room < READ_CHUNK && room > 0 ? room : READ_CHUNK);
        }
        ssize_t count =
            read(STDIN_FILENO, buffer->bytes + buffer->length, buffer->capacity - buffer->length);
        if (count < 0) fail(EXIT_IO, "The input could not be read.");
        if (count == 0) return;
        buffer->length += (size_t)count;
    }
}

void write_all(Slice slice) { write_to(STDOUT_FILENO, slice.bytes, slice.length); }

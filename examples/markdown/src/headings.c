#include "headings.h"

#include "links.h"
#include "text.h"

enum { SLUG_BYTES_MAX = 96, SLOTS = 4096 };

typedef struct Taken {
    struct Taken *next;
    Slice id;
    unsigned long repeats;
} Taken;

struct HeadingIds {
    Taken *slots[SLOTS];
};

HeadingIds *heading_ids_create(void) { return arena_allocate(sizeof(HeadingIds)); }

static Taken *find_taken(const HeadingIds *ids, Slice id) {
    Taken *taken = ids->slots[hash_bytes(id) % SLOTS];
    while (taken && !slice_equal(taken->id, id)) taken = taken->next;
    return taken;
}

static Slice take(HeadingIds *ids, Slice id) {
    Taken *taken = arena_allocate(sizeof *taken);
    taken->id = arena_copy(id);
    Taken **slot = &ids->slots[hash_bytes(id) % SLOTS];
    taken->next = *slot;
    *slot = taken;
    return taken->id;
}

/* Beyond ASCII: letters and digits of any script, but no spaces, marks, or invisible characters. */
static bool is_kept(unsigned point) {
    if (point < 0x80) return is_alphanumeric((int)point) || point == '_';
    bool invisible = point <= 0xA0 || (point >= 0x2000 && point <= 0x206F) || point == 0xFEFF;
    bool outside = point >= 0xFFF0; /* specials, pictures */
    return !invisible && !outside && !point_is_space(point) && !point_is_punctuation(point);
}

/* ASCII becomes lower case, and each stretch of spaces one hyphen. */
static void add_slug(Buffer *slug, Slice text) {
    for (size_t i = 0; i < text.length && slug->length < SLUG_BYTES_MAX;) {
        unsigned point = utf8_at(text, i, ' ');
        char bytes[4];
        size_t width = utf8_encode(point, bytes);
        i += width;
        bool at_hyphen = slug->length == 0 || slug->bytes[slug->length - 1] == '-';
        if (point_is_space(point) || point == '-') {
            if (!at_hyphen) buffer_add_byte(slug, '-');
        } else if (is_kept(point)) {
            bytes[0] = point < 0x80 ? (char)to_lower((int)point) : bytes[0];
            buffer_add(slug, bytes, width);
        }
    }
    while (slug->length > 0 && slug->bytes[slug->length - 1] == '-') slug->length--;
    if (slug->length == 0) buffer_add_text(slug, "section");
}

Slice heading_id(HeadingIds *ids, Slice text) {
    Buffer slug = {.limit = SLUG_BYTES_MAX + 64, .limit_sentence = "A heading id is too long."};
    add_slug(&slug, text);
    Taken *first = find_taken(ids, buffer_slice(&slug));
    size_t length = slug.length;
    while (first && find_taken(ids, buffer_slice(&slug))) {
        slug.length = length;
        buffer_add_byte(&slug, '-');
        buffer_add_number(&slug, ++first->repeats);
    }
    Slice id = take(ids, buffer_slice(&slug));
    buffer_free(&slug);
    return id;
}

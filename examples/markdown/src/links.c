#include "links.h"

#include <stdlib.h>

#include "text.h"

enum { LABEL_BYTES_MAX = 999, PARENTHESES_MAX = 32 };

static bool at_escape(Slice text, size_t at) {
    return text.bytes[at] == '\\' && at + 1 < text.length && is_punctuation(text.bytes[at + 1]);
}

size_t skip_spaces(Slice text, size_t at) {
    while (at < text.length && is_space(text.bytes[at])) at++;
    return at;
}

size_t scan_label(Slice text, size_t at, Slice *label) {
    if (at >= text.length || text.bytes[at] != '[') return 0;
    size_t start = at + 1;
    bool has_text = false;
    for (size_t i = start; i < text.length && i - start <= LABEL_BYTES_MAX; i++) {
        char byte = text.bytes[i];
        if (byte == '[') return 0;
        if (byte == ']') {
            *label = slice_between(text, start, i);
            return has_text ? i + 1 : 0;
        }
        if (!is_space(byte)) has_text = true;
        if (at_escape(text, i)) i++;
    }
    return 0;
}

static size_t scan_pointed_destination(Slice text, size_t at, Slice *destination) {
    for (size_t i = at + 1; i < text.length; i++) {
        char byte = text.bytes[i];
        if (byte == '\n' || byte == '<') return 0;
        if (byte == '>') {
            *destination = slice_between(text, at + 1, i);
            return i + 1;
        }
        if (at_escape(text, i)) i++;
    }
    return 0;
}

size_t scan_destination(Slice text, size_t at, Slice *destination) {
    if (at < text.length && text.bytes[at] == '<')
        return scan_pointed_destination(text, at, destination);
    int open = 0;
    size_t i = at;
    for (; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte <= 0x20 || byte == 0x7F) break;
        if (byte == '(' && ++open > PARENTHESES_MAX) return 0;
        if (byte == ')' && --open < 0) break;
        if (at_escape(text, i)) i++;
    }
    if (open > 0) return 0;
    *destination = slice_between(text, at, i);
    return i;
}

size_t scan_title(Slice text, size_t at, Slice *title) {
    if (at >= text.length) return 0;
    char open = text.bytes[at];
    if (open != '"' && open != '\'' && open != '(') return 0;
    char close = open == '(' ? ')' : open;
    for (size_t i = at + 1; i < text.length; i++) {
        if (text.bytes[i] == close) {
            *title = slice_between(text, at + 1, i);
            return i + 1;
        }
        if (text.bytes[i] == '(' && open == '(') return 0;
        if (at_escape(text, i)) i++;
    }
    return 0;
}

unsigned hash_bytes(Slice bytes) {
    unsigned hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < bytes.length; i++)
        hash = (hash ^ (unsigned char)bytes.bytes[i]) * 16777619u;
    return hash;
}

/* Labels match without regard to ASCII case and to how much white space they hold. */
static Slice normalise_label(Slice label, char *room) {
    label = slice_trim(label);
    size_t length = 0;
    for (size_t i = 0; i < label.length; i++) {
        bool space = is_space(label.bytes[i]);
        if (space && is_space(label.bytes[i - 1])) continue;
        room[length++] = space ? ' ' : (char)to_lower(label.bytes[i]);
    }
    return (Slice){room, length};
}

const Reference *references_find(const References *references, Slice label) {
    if (references->count == 0 || label.length > LABEL_BYTES_MAX) return NULL;
    char room[LABEL_BYTES_MAX];
    label = normalise_label(label, room);
    unsigned hash = hash_bytes(label);
    const Reference *found = references->slots[hash & (references->slot_count - 1)];
    while (found && !(found->hash == hash && slice_equal(found->label, label))) found = found->next;
    return found;
}

static void references_grow(References *references) {
    size_t grown = references->slot_count ? references->slot_count * 2 : 64;
    Reference **slots = arena_allocate(grown * sizeof *slots);
    for (size_t i = 0; i < references->slot_count; i++) {
        Reference *next;
        for (Reference *moved = references->slots[i]; moved; moved = next) {
            next = moved->next;
            moved->next = slots[moved->hash & (grown - 1)];
            slots[moved->hash & (grown - 1)] = moved;
        }
    }
    references->slots = slots;
    references->slot_count = grown;
}

/* The first definition of a label is the one that counts. */
static void references_add(References *references, Slice label, Slice destination, Slice title) {
    char room[LABEL_BYTES_MAX];
    if (label.length > LABEL_BYTES_MAX || references_find(references, label)) return;
    if (references->count >= references->slot_count) references_grow(references);
    Reference *added = arena_allocate(sizeof *added);
    added->label = arena_copy(normalise_label(label, room));
    added->hash = hash_bytes(added->label);
    added->destination = arena_copy(unescape(destination));
    added->title = arena_copy(unescape(title));
    Reference **slot = &references->slots[added->hash & (references->slot_count - 1)];
    added->next = *slot;
    *slot = added;
    references->count++;
}

/* Position after the line end when only spaces are left on the line, else 0. */
static size_t scan_line_end(Slice text, size_t at) {
    while (at < text.length && is_space_or_tab(text.bytes[at])) at++;
    if (at == text.length) return at;
    return text.bytes[at] == '\n' ? at + 1 : 0;
}

size_t references_take(References *references, Slice paragraph) {
    Slice label, destination, title = {"", 0};
    size_t at = scan_label(paragraph, 0, &label);
    if (at == 0 || at >= paragraph.length || paragraph.bytes[at] != ':') return 0;
    at = skip_spaces(paragraph, at + 1);
    if (at == paragraph.length) return 0;
    bool pointed = paragraph.bytes[at] == '<';
    size_t after_destination = scan_destination(paragraph, at, &destination);
    if (after_destination == 0 || (destination.length == 0 && !pointed)) return 0;

    size_t end = scan_line_end(paragraph, after_destination);
    size_t title_at = skip_spaces(paragraph, after_destination);
    if (title_at > after_destination) {
        size_t after_title = scan_title(paragraph, title_at, &title);
        size_t end_with_title = after_title ? scan_line_end(paragraph, after_title) : 0;
        if (end_with_title > 0) end = end_with_title;
        else title = (Slice){"", 0};
    }
    if (end == 0) return 0;
    references_add(references, label, destination, title);
    return end;
}

#include "inlines.h"

#include <string.h>

#include "inlines_private.h"
#include "text.h"

Inlines *inlines_create(const References *references) {
    Inlines *inlines = arena_allocate(sizeof *inlines);
    inlines->references = references;
    return inlines;
}

Item *inlines_add(Inlines *in, ItemKind kind, Slice text) {
    in->items = array_grow(in->items, in->item_count, &in->item_capacity, sizeof *in->items);
    Item *item = &in->items[in->item_count++];
    *item = (Item){.kind = kind, .text = text};
    return item;
}

void inlines_flush_text(Inlines *in) {
    if (in->at > in->pending) inlines_add(in, TEXT, slice_between(in->text, in->pending, in->at));
    in->pending = in->at;
}

void inlines_move_to(Inlines *in, size_t end) { in->at = in->pending = end; }

int inlines_byte_at(const Inlines *in, size_t at) {
    return at < in->text.length ? (unsigned char)in->text.bytes[at] : -1;
}

/* ---- Code spans, escapes, entities, line breaks ---- */

static Slice code_text(Slice raw) {
    bool has_newline = memchr(raw.bytes, '\n', raw.length) != NULL;
    Slice text = has_newline ? arena_copy(raw) : raw;
    bool blank = true;
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] == '\n') ((char *)text.bytes)[i] = ' '; /* our own copy */
        if (text.bytes[i] != ' ') blank = false;
    }
    bool padded = text.length >= 2 && text.bytes[0] == ' ' && text.bytes[text.length - 1] == ' ';
    return padded && !blank ? slice_between(text, 1, text.length - 1) : text;
}

/* Where a run of exactly `length` backticks starts; remembers what it passes, so that a text full
   of runs that close nothing is read once. Returns 0 when there is none. */
static size_t find_backticks(Inlines *in, size_t at, size_t length) {
    if (length > BACKTICKS_MAX) return 0;
    if (in->backticks_scanned && in->backtick_runs[length] < at) return 0;
    while (at < in->text.length) {
        const char *found = memchr(in->text.bytes + at, '`', in->text.length - at);
        if (!found) break;
        size_t start = (size_t)(found - in->text.bytes);
        at = start;
        while (inlines_byte_at(in, at) == '`') at++;
        if (at - start <= BACKTICKS_MAX) in->backtick_runs[at - start] = start;
        if (at - start == length) return start;
    }
    in->backticks_scanned = true;
    return 0;
}

static void parse_backticks(Inlines *in) {
    size_t start = in->at, end = start;
    while (inlines_byte_at(in, end) == '`') end++;
    size_t length = end - start;
    size_t close = find_backticks(in, end, length);
    if (close == 0) {
        in->at = end;
        return;
    }
    inlines_flush_text(in);
    inlines_add(in, CODE, code_text(slice_between(in->text, end, close)));
    inlines_move_to(in, close + length);
}

static void parse_line_break(Inlines *in) {
    size_t end = in->at, newline = in->at;
    while (end > in->pending && in->text.bytes[end - 1] == ' ') end--;
    bool hard = newline - end >= 2;
    if (end > in->pending) inlines_add(in, TEXT, slice_between(in->text, in->pending, end));
    inlines_add(in, hard ? HARD_BREAK : SOFT_BREAK, (Slice){"\n", 1});
    newline++;
    while (is_space_or_tab(inlines_byte_at(in, newline))) newline++;
    inlines_move_to(in, newline);
}

static void parse_backslash(Inlines *in) {
    int next = inlines_byte_at(in, in->at + 1);
    if (next == '\n') {
        inlines_flush_text(in);
        inlines_add(in, HARD_BREAK, (Slice){"\n", 1});
        size_t after = in->at + 2;
        while (is_space_or_tab(inlines_byte_at(in, after))) after++;
        inlines_move_to(in, after);
    } else if (is_punctuation(next)) {
        inlines_flush_text(in);
        in->pending = in->at + 1; /* the character itself is plain text */
        in->at += 2;
    } else {
        in->at++;
    }
}

static void parse_entity(Inlines *in) {
    char room[4];
    size_t written = 0;
    size_t read = entity_decode(in->text, in->at, room, &written);
    if (read == 0) {
        in->at++;
        return;
    }
    inlines_flush_text(in);
    inlines_add(in, TEXT, arena_copy((Slice){room, written}));
    inlines_move_to(in, in->at + read);
}

/* ---- Autolinks ---- */

static size_t scan_uri(const Inlines *in, size_t at) {
    size_t i = at;
    if (!is_letter(inlines_byte_at(in, i))) return 0;
    while (is_alphanumeric(inlines_byte_at(in, i)) ||
           (inlines_byte_at(in, i) > 0 && strchr("+.-", inlines_byte_at(in, i)))) {
        if (++i - at > 32) return 0;
    }
    if (i - at < 2 || inlines_byte_at(in, i) != ':') return 0;
    for (;; i++) {
        int byte = inlines_byte_at(in, i);
        if (byte == '>') return i;
        if (byte <= ' ' || byte == '<') return 0; /* the end of the text is -1 */
    }
}

static size_t scan_email(const Inlines *in, size_t at) {
    size_t i = at;
    while (is_alphanumeric(inlines_byte_at(in, i)) ||
           (inlines_byte_at(in, i) > 0 && strchr(".!#$%&'*+/=?^_`{|}~-", inlines_byte_at(in, i)))) {
        i++;
    }
    if (i == at || inlines_byte_at(in, i) != '@') return 0;
    do {
        size_t start = ++i;
        while (is_alphanumeric(inlines_byte_at(in, i)) || inlines_byte_at(in, i) == '-') i++;
        bool valid = i > start && i - start <= 63 && in->text.bytes[start] != '-' &&
                     in->text.bytes[i - 1] != '-';
        if (!valid) return 0;
    } while (inlines_byte_at(in, i) == '.');
    return inlines_byte_at(in, i) == '>' ? i : 0;
}

static void parse_pointed_autolink(Inlines *in) {
    size_t start = in->at + 1;
    size_t end = scan_uri(in, start);
    bool is_email = false;
    if (end == 0) {
        end = scan_email(in, start);
        is_email = end > 0;
    }
    Slice shown = slice_between(in->text, start, end > 0 ? end : start);
    if (end == 0 || (!is_email && !url_is_safe(shown, false))) {
        in->at++; /* "<" is plain text */
        return;
    }
    inlines_flush_text(in);
    inlines_add(in, AUTOLINK, shown)->is_email = is_email;
    inlines_move_to(in, end + 1);
}

/* A bare address ends before punctuation that more likely belongs to the sentence. */
static size_t trim_bare_url(const Inlines *in, size_t start, size_t end) {
    long unbalanced = 0;
    for (size_t i = start; i < end; i++) {
        unbalanced += in->text.bytes[i] == ')' ? 1 : in->text.bytes[i] == '(' ? -1 : 0;
    }
    while (end > start) {
        char last = in->text.bytes[end - 1];
        bool drop = strchr("?!.,:;*_~'&", last) || (last == ')' && unbalanced > 0);
        if (!drop) break;
        if (last == ')') unbalanced--;
        end--;
    }
    return end;
}

static void parse_bare_url(Inlines *in) {
    size_t start = in->at;
    Slice rest = slice_between(in->text, start, in->text.length);
    size_t host = 0;
    if (rest.length > 7 && memcmp(rest.bytes, "http://", 7) == 0) host = start + 7;
    if (rest.length > 8 && memcmp(rest.bytes, "https://", 8) == 0) host = start + 8;
    int before = start > 0 ? inlines_byte_at(in, start - 1) : ' ';
    bool begins = is_space(before) || (before > 0 && strchr("*_~(", before));
    if (host == 0 || !begins || !is_alphanumeric(inlines_byte_at(in, host))) {
        in->at++;
        return;
    }
    size_t end = host;
    while (inlines_byte_at(in, end) > ' ' && !strchr("<>[]\"`|\\", inlines_byte_at(in, end))) end++;
    end = trim_bare_url(in, start, end);
    if (end <= host) {
        in->at = host;
        return;
    }
    inlines_flush_text(in);
    inlines_add(in, AUTOLINK, slice_between(in->text, start, end));
    inlines_move_to(in, end);
}

/* ---- Links and images ---- */

static void open_bracket(Inlines *in, bool is_image) {
    inlines_flush_text(in);
    size_t width = is_image ? 2 : 1;
    if (in->bracket_count > 0) in->brackets[in->bracket_count - 1].bracket_inside = true;
    in->brackets =
        array_grow(in->brackets, in->bracket_count, &in->bracket_capacity, sizeof *in->brackets);
    in->brackets[in->bracket_count++] = (Bracket){.item = (int)in->item_count,
                                                  .run_below = in->top_run,
                                                  .text_at = in->at + width,
                                                  .is_image = is_image};
    inlines_add(in, TEXT, slice_between(in->text, in->at, in->at + width));
    inlines_move_to(in, in->at + width);
}

/* After "](": "destination 'title')". Returns the position after it, or 0. */
static size_t scan_inline_link(const Inlines *in, size_t at, Target *target) {
    Slice url, title = {"", 0};
    at = skip_spaces(in->text, at);
    at = scan_destination(in->text, at, &url);
    if (at == 0) return 0;
    size_t title_at = skip_spaces(in->text, at);
    if (title_at > at) {
        size_t after = scan_title(in->text, title_at, &title);
        at = after > 0 ? after : title_at;
    }
    at = skip_spaces(in->text, at);
    if (inlines_byte_at(in, at) != ')') return 0;
    *target = (Target){unescape(url), unescape(title)};
    return at + 1;
}

/* After "]": "[label]", "[]" or nothing. Returns the position after the link, or 0. */
static size_t scan_reference_link(const Inlines *in, const Bracket *bracket, size_t at,
                                  Target *target) {
    Slice label = slice_between(in->text, bracket->text_at, at - 1);
    Slice written;
    size_t end = scan_label(in->text, at, &written);
    if (end > 0) label = written;
    else if (bracket->bracket_inside) return 0;
    else end = inlines_byte_at(in, at) == '[' && inlines_byte_at(in, at + 1) == ']' ? at + 2 : at;
    const Reference *found = references_find(in->references, label);
    if (!found) return 0;
    *target = (Target){found->destination, found->title};
    return end;
}

static void close_link(Inlines *in, Bracket bracket, Target target, size_t end) {
    inlines_flush_text(in);
    emphasis_match(in, bracket.run_below);
    Item *open = &in->items[bracket.item];
    open->kind = LINK_OPEN;
    open->is_image = bracket.is_image;
    open->target = target;
    inlines_add(in, LINK_CLOSE, slice_of(""))->is_image = bracket.is_image;
    inlines_move_to(in, end);
    if (!bracket.is_image) in->around_link = in->bracket_count; /* links hold no links */
}

static void close_bracket(Inlines *in) {
    size_t after = in->at + 1;
    if (in->bracket_count == 0) {
        in->at = after;
        return;
    }
    Bracket bracket = in->brackets[--in->bracket_count];
    bool active = bracket.is_image || in->bracket_count >= in->around_link;
    if (in->around_link > in->bracket_count) in->around_link = in->bracket_count;
    Target target = {0};
    size_t end = 0;
    if (active && inlines_byte_at(in, after) == '(') {
        end = scan_inline_link(in, after + 1, &target);
    }
    if (active && end == 0) end = scan_reference_link(in, &bracket, after, &target);
    if (end > 0) close_link(in, bracket, target, end);
    else in->at = after;
}

/* ---- All of it ---- */

static void parse_next(Inlines *in) {
    switch (in->text.bytes[in->at]) {
        case '*':
        case '_':
        case '~': emphasis_parse_run(in); break;
        case '`': parse_backticks(in); break;
        case '\\': parse_backslash(in); break;
        case '\n': parse_line_break(in); break;
        case '&': parse_entity(in); break;
        case '<': parse_pointed_autolink(in); break;
        case 'h': parse_bare_url(in); break;
        case '[': open_bracket(in, false); break;
        case '!':
            if (inlines_byte_at(in, in->at + 1) == '[') open_bracket(in, true);
            else in->at++;
            break;
        case ']': close_bracket(in); break;
        default: in->at++;
    }
}

void inlines_parse(Inlines *in, Slice text) {
    in->text = text;
    in->at = in->pending = 0;
    in->item_count = in->tag_count = in->bracket_count = in->around_link = 0;
    in->top_run = NONE;
    if (in->backticks_scanned) memset(in->backtick_runs, 0, sizeof in->backtick_runs);
    in->backticks_scanned = false;
    while (in->at < text.length) parse_next(in);
    inlines_flush_text(in);
    emphasis_match(in, NONE);
}

#include "json.h"

#include <string.h>

#include "text.h"

static _Noreturn void fail_json(const JsonReader *reader, const char *problem) {
    Buffer sentence = {.limit = 512, .limit_sentence = "The input is not valid JSON."};
    buffer_add_text(&sentence, "The input is not valid: ");
    buffer_add_text(&sentence, problem);
    buffer_add_text(&sentence, " at byte ");
    buffer_add_number(&sentence, (unsigned long)reader->at);
    buffer_add_text(&sentence, ".");
    buffer_add_byte(&sentence, '\0');
    fail(EXIT_BAD_INPUT, sentence.bytes);
}

static int peek(const JsonReader *reader) {
    return reader->at < reader->length ? (unsigned char)reader->bytes[reader->at] : -1;
}

static int peek_after_space(JsonReader *reader) {
    for (;;) {
        int byte = peek(reader);
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') return byte;
        reader->at++;
    }
}

static void expect(JsonReader *reader, char wanted, const char *problem) {
    if (peek_after_space(reader) != wanted) fail_json(reader, problem);
    reader->at++;
}

void json_begin_object(JsonReader *reader) {
    expect(reader, '{', "a JSON object was expected");
    reader->first_member = true;
}

bool json_next_key(JsonReader *reader, Slice *key) {
    if (peek_after_space(reader) == '}') {
        reader->at++;
        return false;
    }
    if (!reader->first_member) expect(reader, ',', "a comma or the end of the object was expected");
    reader->first_member = false;
    *key = json_read_string(reader);
    expect(reader, ':', "a colon was expected");
    return true;
}

static unsigned read_four_hex(JsonReader *reader) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(peek(reader));
        if (digit < 0) fail_json(reader, "four hexadecimal digits were expected");
        value = value * 16 + (unsigned)digit;
        reader->at++;
    }
    return value;
}

/* After "\u": one code point, which two escapes may share as a surrogate pair. */
static unsigned read_unicode_escape(JsonReader *reader) {
    unsigned unit = read_four_hex(reader);
    if (unit < 0xD800 || unit > 0xDFFF) return unit;
    bool paired = unit <= 0xDBFF && reader->at + 1 < reader->length &&
                  reader->bytes[reader->at] == '\\' && reader->bytes[reader->at + 1] == 'u';
    if (!paired) fail_json(reader, "a surrogate without its other half was found");
    reader->at += 2;
    unsigned low = read_four_hex(reader);
    if (low < 0xDC00 || low > 0xDFFF)
        fail_json(reader, "a surrogate without its other half was found");
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

static size_t read_escape(JsonReader *reader, char *to) {
    int letter = peek(reader);
    reader->at++;
    switch (letter) {
        case '"': *to = '"'; return 1;
        case '\\': *to = '\\'; return 1;
        case '/': *to = '/'; return 1;
        case 'b': *to = '\b'; return 1;
        case 'f': *to = '\f'; return 1;
        case 'n': *to = '\n'; return 1;
        case 'r': *to = '\r'; return 1;
        case 't': *to = '\t'; return 1;
        case 'u': return utf8_encode(read_unicode_escape(reader), to);
        default: reader->at--; fail_json(reader, "an unknown escape was found");
    }
}

Slice json_read_string(JsonReader *reader) {
    expect(reader, '"', "a string was expected");
    char *start = reader->bytes + reader->at;
    char *to = start;
    for (;;) {
        int byte = peek(reader);
        if (byte < 0) fail_json(reader, "a string that never ends was found");
        if (byte < 0x20) fail_json(reader, "a raw control character was found in a string");
        if (byte == '"') break;
        if (byte == '\\') {
            reader->at++;
            to += read_escape(reader, to);
        } else if (byte < 0x80) {
            *to++ = (char)byte;
            reader->at++;
        } else {
            Slice rest = {reader->bytes + reader->at, reader->length - reader->at};
            size_t width = utf8_valid_width(rest);
            if (width == 0) fail_json(reader, "bytes that are not UTF-8 were found");
            memmove(to, rest.bytes, width);
            to += width;
            reader->at += width;
        }
    }
    reader->at++;
    return (Slice){start, (size_t)(to - start)};
}

static bool take_word(JsonReader *reader, const char *word) {
    size_t length = strlen(word);
    if (reader->length - reader->at < length) return false;
    if (memcmp(reader->bytes + reader->at, word, length) != 0) return false;
    reader->at += length;
    return true;
}

bool json_read_bool(JsonReader *reader) {
    peek_after_space(reader);
    if (take_word(reader, "true")) return true;
    if (take_word(reader, "false")) return false;
    fail_json(reader, "true or false was expected");
}

void json_end(JsonReader *reader) {
    if (peek_after_space(reader) >= 0)
        fail_json(reader, "text after the end of the object was found");
}

void json_write_string(Buffer *out, Slice text) {
    static const char digits[] = "0123456789abcdef";
    buffer_add_byte(out, '"');
    size_t plain = 0; /* start of the bytes not yet written */
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') continue;
        buffer_add(out, text.bytes + plain, i - plain);
        plain = i + 1;
        char escape[6] = {'\\', 'u', '0', '0', digits[byte >> 4], digits[byte & 15]};
        if (byte == '"' || byte == '\\') buffer_add(out, (char[]){'\\', (char)byte}, 2);
        else if (byte == '\n') buffer_add(out, "\\n", 2);
        else if (byte == '\t') buffer_add(out, "\\t", 2);
        else buffer_add(out, escape, sizeof escape);
    }
    buffer_add(out, text.bytes + plain, text.length - plain);
    buffer_add_byte(out, '"');
}

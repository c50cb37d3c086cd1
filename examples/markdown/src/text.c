#include "text.h"

#include <string.h>

bool is_space_or_tab(int byte) { return byte == ' ' || byte == '\t'; }
bool is_space(int byte) { return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r'; }
bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }
bool is_letter(int byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }
bool is_alphanumeric(int byte) { return is_digit(byte) || is_letter(byte); }

bool is_punctuation(int byte) {
    return (byte >= '!' && byte <= '/') || (byte >= ':' && byte <= '@') ||
           (byte >= '[' && byte <= '`') || (byte >= '{' && byte <= '~');
}

int to_lower(int byte) { return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte; }

int hex_digit(int byte) {
    if (is_digit(byte)) return byte - '0';
    int lower = to_lower(byte);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

size_t utf8_encode(unsigned point, char *to) {
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

static size_t utf8_width_of_lead(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

static unsigned utf8_decode(const unsigned char *bytes, size_t width) {
    unsigned point = width == 1 ? bytes[0] : bytes[0] & (0xFFu >> (width + 1));
    for (size_t i = 1; i < width; i++) point = point << 6 | (bytes[i] & 0x3F);
    return point;
}

size_t utf8_valid_width(Slice text) {
    static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text.bytes;
    size_t width = text.length ? utf8_width_of_lead(bytes[0]) : 0;
    if (width == 0 || width > text.length) return 0;
    for (size_t i = 1; i < width; i++) {
        if ((bytes[i] & 0xC0) != 0x80) return 0;
    }
    unsigned point = utf8_decode(bytes, width);
    bool surrogate = point >= 0xD800 && point <= 0xDFFF;
    return point < smallest[width] || surrogate || point > 0x10FFFF ? 0 : width;
}

unsigned utf8_at(Slice text, size_t at, unsigned beyond) {
    if (at >= text.length) return beyond;
    const unsigned char *bytes = (const unsigned char *)text.bytes + at;
    size_t width = utf8_width_of_lead(bytes[0]);
    return width == 0 || width > text.length - at ? 0xFFFD : utf8_decode(bytes, width);
}

unsigned utf8_before(Slice text, size_t at, unsigned beyond) {
    if (at == 0) return beyond;
    size_t start = at - 1;
    while (start > 0 && at - start < 4 && ((unsigned char)text.bytes[start] & 0xC0) == 0x80)
        start--;
    return utf8_at((Slice){text.bytes, at}, start, beyond);
}

bool point_is_space(unsigned point) {
    return point == ' ' || (point >= 9 && point <= 13) || point == 0xA0 || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
           point == 0x202F || point == 0x205F || point == 0x3000;
}

/* Punctuation and symbols of the scripts people write prose in; not the whole of Unicode. */
bool point_is_punctuation(unsigned point) {
    static const unsigned short ranges[][2] = {
        {0xA1, 0xA9},     {0xAB, 0xAC},     {0xAE, 0xB1},     {0xB4, 0xB4},     {0xB6, 0xB8},
        {0xBB, 0xBB},     {0xBF, 0xBF},     {0xD7, 0xD7},     {0xF7, 0xF7},     {0x37E, 0x37E},
        {0x387, 0x387},   {0x55A, 0x55F},   {0x589, 0x58A},   {0x5BE, 0x5BE},   {0x5F3, 0x5F4},
        {0x60C, 0x60D},   {0x61B, 0x61F},   {0x66A, 0x66D},   {0x964, 0x965},   {0x2010, 0x2027},
        {0x2030, 0x205E}, {0x20A0, 0x20C0}, {0x2100, 0x2101}, {0x2116, 0x2117}, {0x2190, 0x23FF},
        {0x2500, 0x2775}, {0x2794, 0x2BFF}, {0x3001, 0x3003}, {0x3008, 0x3020}, {0x3030, 0x3030},
        {0xFE50, 0xFE6B}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF20}, {0xFF3B, 0xFF40}, {0xFF5B, 0xFF65},
    };
    if (point < 0x80) return is_punctuation((int)point);
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        if (point < ranges[i][0]) return false;
        if (point <= ranges[i][1]) return true;
    }
    return point >= 0x1F300 && point <= 0x1FAFF;
}

/* The names people type by hand; any other name stays as it was written. */
static const struct {
    char name[8];
    unsigned short point;
} entity_names[] = {
    {"amp", '&'},      {"lt", '<'},       {"gt", '>'},       {"quot", '"'},     {"apos", '\''},
    {"nbsp", 0xA0},    {"iexcl", 0xA1},   {"cent", 0xA2},    {"pound", 0xA3},   {"yen", 0xA5},
    {"sect", 0xA7},    {"copy", 0xA9},    {"laquo", 0xAB},   {"shy", 0xAD},     {"reg", 0xAE},
    {"deg", 0xB0},     {"plusmn", 0xB1},  {"sup2", 0xB2},    {"sup3", 0xB3},    {"micro", 0xB5},
    {"para", 0xB6},    {"middot", 0xB7},  {"raquo", 0xBB},   {"frac14", 0xBC},  {"frac12", 0xBD},
    {"frac34", 0xBE},  {"iquest", 0xBF},  {"Auml", 0xC4},    {"Ouml", 0xD6},    {"times", 0xD7},
    {"Uuml", 0xDC},    {"szlig", 0xDF},   {"auml", 0xE4},    {"eacute", 0xE9},  {"ouml", 0xF6},
    {"divide", 0xF7},  {"uuml", 0xFC},    {"ndash", 0x2013}, {"mdash", 0x2014}, {"lsquo", 0x2018},
    {"rsquo", 0x2019}, {"ldquo", 0x201C}, {"rdquo", 0x201D}, {"bull", 0x2022},  {"hellip", 0x2026},
    {"euro", 0x20AC},  {"trade", 0x2122}, {"larr", 0x2190},  {"uarr", 0x2191},  {"rarr", 0x2192},
    {"darr", 0x2193},  {"minus", 0x2212}, {"infin", 0x221E}, {"ne", 0x2260},    {"le", 0x2264},
    {"ge", 0x2265},
};

static size_t decode_numeric_entity(Slice text, size_t at, char *to, size_t *written) {
    size_t i = at + 2; /* after "&#" */
    bool hexadecimal = i < text.length && to_lower(text.bytes[i]) == 'x';
    if (hexadecimal) i++;
    size_t first = i;
    size_t digits_max = hexadecimal ? 6 : 7;
    unsigned point = 0;
    for (; i < text.length && i - first < digits_max; i++) {
        int digit = hex_digit(text.bytes[i]);
        if (digit < 0 || (!hexadecimal && digit > 9)) break;
        point = point * (hexadecimal ? 16 : 10) + (unsigned)digit;
    }
    if (i == first || i >= text.length || text.bytes[i] != ';') return 0;
    bool valid = point > 0 && point <= 0x10FFFF && !(point >= 0xD800 && point <= 0xDFFF);
    *written = utf8_encode(valid ? point : 0xFFFD, to);
    return i + 1 - at;
}

size_t entity_decode(Slice text, size_t at, char *to, size_t *written) {
    if (at + 1 < text.length && text.bytes[at + 1] == '#') {
        return decode_numeric_entity(text, at, to, written);
    }
    size_t end = at + 1;
    while (end < text.length && end - at < 8 && is_alphanumeric(text.bytes[end])) end++;
    if (end >= text.length || text.bytes[end] != ';') return 0;
    Slice name = slice_between(text, at + 1, end);
    for (size_t i = 0; i < sizeof entity_names / sizeof entity_names[0]; i++) {
        if (!slice_equal(name, slice_of(entity_names[i].name))) continue;
        *written = utf8_encode(entity_names[i].point, to);
        return end + 1 - at;
    }
    return 0;
}

Slice unescape(Slice text) {
    bool plain = text.length == 0 ||
                 (!memchr(text.bytes, '\\', text.length) && !memchr(text.bytes, '&', text.length));
    if (plain) return text;
    /* An escape or entity is never shorter than what it stands for. */
    char *start = arena_allocate(text.length);
    char *to = start;
    for (size_t i = 0; i < text.length;) {
        size_t written = 0, read = 0;
        if (text.bytes[i] == '&') read = entity_decode(text, i, to, &written);
        if (read > 0) {
            to += written;
            i += read;
            continue;
        }
        bool escaped =
            text.bytes[i] == '\\' && i + 1 < text.length && is_punctuation(text.bytes[i + 1]);
        if (escaped) i++;
        *to++ = text.bytes[i++];
    }
    return (Slice){start, (size_t)(to - start)};
}

void html_escape(Buffer *out, Slice text) {
    size_t plain = 0; /* start of the bytes not yet written */
    for (size_t i = 0; i < text.length; i++) {
        const char *instead;
        unsigned char byte = (unsigned char)text.bytes[i];
        if (byte == '&') instead = "&amp;";
        else if (byte == '<') instead = "&lt;";
        else if (byte == '>') instead = "&gt;";
        else if (byte == '"') instead = "&quot;";
        else if (byte < 0x20 && !is_space(byte))
            instead = "\xEF\xBF\xBD"; /* HTML forbids controls */
        else continue;
        buffer_add(out, text.bytes + plain, i - plain);
        buffer_add_text(out, instead);
        plain = i + 1;
    }
    buffer_add(out, text.bytes + plain, text.length - plain);
}

static bool scheme_is(Slice url, size_t length, const char *scheme) {
    if (strlen(scheme) != length) return false;
    for (size_t i = 0; i < length; i++) {
        if (to_lower(url.bytes[i]) != scheme[i]) return false;
    }
    return true;
}

bool url_is_safe(Slice url, bool is_image) {
    size_t end = 0;
    while (end < url.length && !strchr(":/?#", url.bytes[end] ? url.bytes[end] : ' ')) end++;
    if (end == url.length || url.bytes[end] != ':') return true; /* no scheme: relative */
    return scheme_is(url, end, "http") || scheme_is(url, end, "https") ||
           (!is_image && scheme_is(url, end, "mailto"));
}

void url_write(Buffer *out, Slice url) {
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < url.length; i++) {
        unsigned char byte = (unsigned char)url.bytes[i];
        if (byte == '&') buffer_add_text(out, "&amp;");
        else if (byte == '\'') buffer_add_text(out, "&#39;");
        else if (byte > 0x20 && byte < 0x7F && !strchr("\"<>[\\]^`{|}", byte))
            buffer_add_byte(out, (char)byte);
        else buffer_add(out, (char[]){'%', digits[byte >> 4], digits[byte & 15]}, 3);
    }
}

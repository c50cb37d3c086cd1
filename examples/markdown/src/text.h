/* Characters: UTF-8, the classes Markdown asks about, entities, and escaping for HTML and URLs. */
#ifndef TEXT_H
#define TEXT_H

#include "buffer.h"

bool is_space_or_tab(int byte);
bool is_space(int byte); /* space, tab, line ends */
bool is_digit(int byte);
bool is_letter(int byte);
bool is_alphanumeric(int byte);
bool is_punctuation(int byte); /* ASCII */
int to_lower(int byte);
int hex_digit(int byte); /* -1 when it is none */

size_t utf8_encode(unsigned point, char *to);
/* Width of the well-formed character the slice starts with; 0 when it is malformed. */
size_t utf8_valid_width(Slice text);
/* Code point at, or ending just before, a position; `beyond` past the ends. Text must be valid. */
unsigned utf8_at(Slice text, size_t at, unsigned beyond);
unsigned utf8_before(Slice text, size_t at, unsigned beyond);
bool point_is_space(unsigned point);
bool point_is_punctuation(unsigned point);

/* At '&': decode an entity into `to` (at most 4 bytes). Returns bytes read, 0 when it is none. */
size_t entity_decode(Slice text, size_t at, char *to, size_t *written);
/* Resolve backslash escapes and entities. Shares the source when there are none. */
Slice unescape(Slice text);

void html_escape(Buffer *out, Slice text);

/* Whether a link, or an image, may point there: relative, http, https; links also mailto. */
bool url_is_safe(Slice url, bool is_image);
void url_write(Buffer *out, Slice url);

#endif

/* The spell: one JSON document on stdin, one on stdout. */
#include <string.h>

#include "buffer.h"
#include "json.h"
#include "markdown.h"
#include "text.h"

enum { INPUT_BYTES_MAX = 3 * 1024 * 1024, OUTPUT_BYTES_MAX = 2 * 1000 * 1000 };

typedef struct {
    Slice markdown;
    Slice title;
    bool full_page;
    bool has_markdown, has_title, has_full_page;
} Request;

static const char page_style[] =
    "body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif}"
    "pre,code{font-family:ui-monospace,monospace}pre{padding:1rem;overflow:auto;background:#f4f4f5}"
    "table{border-collapse:collapse}th,td{padding:.3rem .7rem;border:1px solid #d4d4d8}"
    "blockquote{margin-left:0;padding-left:1rem;border-left:.25rem solid "
    "#d4d4d8}img{max-width:100%}";

static void read_member(JsonReader *reader, Slice key, Request *request) {
    bool *seen;
    if (slice_equal(key, slice_of("markdown"))) seen = &request->has_markdown;
    else if (slice_equal(key, slice_of("title"))) seen = &request->has_title;
    else if (slice_equal(key, slice_of("full_page"))) seen = &request->has_full_page;
    else fail(EXIT_BAD_INPUT, "The input may only have the members markdown, title and full_page.");
    if (*seen) fail(EXIT_BAD_INPUT, "The input names a member twice.");
    *seen = true;
    if (seen == &request->has_markdown) request->markdown = json_read_string(reader);
    else if (seen == &request->has_title) request->title = json_read_string(reader);
    else request->full_page = json_read_bool(reader);
}

static Request read_request(Buffer *input) {
    JsonReader reader = {.bytes = input->bytes, .length = input->length};
    Request request = {0};
    Slice key;
    json_begin_object(&reader);
    while (json_next_key(&reader, &key)) read_member(&reader, key, &request);
    json_end(&reader);
    if (!request.has_markdown) fail(EXIT_BAD_INPUT, "The input must have the member markdown.");
    if (slice_trim(request.title).length == 0) request.has_title = false;
    return request;
}

/* The title that was asked for, else the first top heading, else the first heading. */
static Slice choose_title(const Request *request, const Document *document) {
    if (request->has_title) return slice_trim(request->title);
    for (size_t i = 0; i < document->heading_count; i++) {
        const Heading *heading = &document->headings[i];
        if (heading->level == 1 && heading->text.length > 0) return heading->text;
    }
    bool has_heading = document->heading_count > 0 && document->headings[0].text.length > 0;
    return has_heading ? document->headings[0].text : slice_of("Untitled");
}

static void write_page(Buffer *page, Slice title, Slice body) {
    buffer_add_text(
        page,
        "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    html_escape(page, title);
    buffer_add_text(page, "</title>\n<style>");
    buffer_add_text(page, page_style);
    buffer_add_text(page, "</style>\n</head>\n<body>\n");
    buffer_add_slice(page, body);
    buffer_add_text(page, "</body>\n</html>\n");
}

static void write_headings(Buffer *out, const Document *document) {
    buffer_add_byte(out, '[');
    for (size_t i = 0; i < document->heading_count; i++) {
        const Heading *heading = &document->headings[i];
        buffer_add_text(out, i > 0 ? ",{\"level\":" : "{\"level\":");
        buffer_add_number(out, (unsigned long)heading->level);
        buffer_add_text(out, ",\"text\":");
        json_write_string(out, heading->text);
        buffer_add_text(out, ",\"id\":");
        json_write_string(out, heading->id);
        buffer_add_byte(out, '}');
    }
    buffer_add_byte(out, ']');
}

static void write_response(const Request *request, const Document *document) {
    static const char too_long[] = "The output would be longer than 2000000 bytes.";
    Buffer out = {.limit = OUTPUT_BYTES_MAX, .limit_sentence = too_long};
    Buffer page = {.limit = OUTPUT_BYTES_MAX, .limit_sentence = too_long};
    Slice title = choose_title(request, document);
    if (request->full_page) write_page(&page, title, buffer_slice(&document->html));
    buffer_add_text(&out, "{\"html\":");
    json_write_string(&out, buffer_slice(request->full_page ? &page : &document->html));
    buffer_add_text(&out, ",\"title\":");
    json_write_string(&out, title);
    buffer_add_text(&out, ",\"words\":");
    buffer_add_number(&out, document->words);
    buffer_add_text(&out, ",\"headings\":");
    write_headings(&out, document);
    buffer_add_text(&out, "}\n");
    write_all(buffer_slice(&out));
}

int main(void) {
    Buffer input = {.limit = INPUT_BYTES_MAX + 64 * 1024,
                    .limit_sentence = "The input is longer than 3 MiB."};
    read_all(&input);
    Request request = read_request(&input);
    Document document = {0};
    markdown_render(request.markdown, &document);
    write_response(&request, &document);
    return 0;
}

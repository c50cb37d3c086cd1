#include "markdown.h"

#include <string.h>

#include "blocks.h"
#include "headings.h"
#include "inlines.h"
#include "text.h"

typedef struct {
    Document *document;
    Blocks blocks;
    Inlines *inlines;
    HeadingIds *ids;
    Buffer plain; /* text of the part last written, without markup */
    WordCount words;
    size_t heading_capacity;
} Renderer;

enum { TEXT_BYTES_MAX = 16 * 1000 * 1000 };

static void add(Renderer *renderer, const char *html) {
    buffer_add_text(&renderer->document->html, html);
}

/* Start a new line, unless one has just been started. */
static void add_line_start(Renderer *renderer) {
    const Buffer *html = &renderer->document->html;
    if (html->length > 0 && html->bytes[html->length - 1] != '\n') add(renderer, "\n");
}

static void parse_inlines(Renderer *renderer, Slice text) {
    inlines_parse(renderer->inlines, slice_trim(text));
    renderer->plain.length = 0;
    inlines_write_plain(renderer->inlines, &renderer->plain, &renderer->words);
}

static void write_inlines(Renderer *renderer, Slice text) {
    parse_inlines(renderer, text);
    inlines_write_html(renderer->inlines, &renderer->document->html);
}

static void write_heading(Renderer *renderer, const Block *block) {
    Document *document = renderer->document;
    char level = (char)('0' + block->level);
    parse_inlines(renderer, block_text(&renderer->blocks, block));
    Slice text = slice_trim(buffer_slice(&renderer->plain));
    Slice id = heading_id(renderer->ids, text);
    add(renderer, (char[]){'<', 'h', level, '\0'});
    add(renderer, " id=\"");
    html_escape(&document->html, id);
    add(renderer, "\">");
    inlines_write_html(renderer->inlines, &document->html);
    add(renderer, (char[]){'<', '/', 'h', level, '>', '\n', '\0'});
    if (document->heading_count >= HEADINGS_MAX) return;
    document->headings = array_grow(document->headings, document->heading_count,
                                    &renderer->heading_capacity, sizeof *document->headings);
    document->headings[document->heading_count++] = (Heading){block->level, arena_copy(text), id};
}

static void write_code(Renderer *renderer, const Block *block) {
    Slice text = block_text(&renderer->blocks, block);
    add(renderer, "<pre><code");
    if (block->code.language.length > 0) {
        add(renderer, " class=\"language-");
        html_escape(&renderer->document->html, block->code.language);
        add(renderer, "\"");
    }
    add(renderer, ">");
    html_escape(&renderer->document->html, text);
    add(renderer, "</code></pre>\n");
    renderer->words.in_word = false;
    count_words(&renderer->words, text);
}

/* ---- Tables ---- */

static const char *alignment(Slice delimiter) {
    bool left = delimiter.bytes[0] == ':';
    bool right = delimiter.bytes[delimiter.length - 1] == ':';
    if (left && right) return " align=\"center\"";
    return left ? " align=\"left\"" : right ? " align=\"right\"" : "";
}

/* In a cell "\|" is a pipe, even inside code. */
static Slice unescape_pipes(Slice cell) {
    if (cell.length == 0 || !memchr(cell.bytes, '|', cell.length)) return cell;
    char *bytes = arena_allocate(cell.length);
    size_t length = 0;
    for (size_t i = 0; i < cell.length; i++) {
        bool escaped = cell.bytes[i] == '\\' && i + 1 < cell.length && cell.bytes[i + 1] == '|';
        if (!escaped) bytes[length++] = cell.bytes[i];
    }
    return (Slice){bytes, length};
}

static void write_row(Renderer *renderer, Slice line, Slice delimiters, const char *tag) {
    TableRow row = table_row(line), columns = table_row(delimiters);
    Slice cell, delimiter;
    add(renderer, "<tr>\n");
    while (table_next_cell(&columns, &delimiter)) {
        bool present = table_next_cell(&row, &cell);
        add(renderer, "<");
        add(renderer, tag);
        add(renderer, alignment(delimiter));
        add(renderer, ">");
        if (present) write_inlines(renderer, unescape_pipes(cell));
        add(renderer, "</");
        add(renderer, tag);
        add(renderer, ">\n");
    }
    add(renderer, "</tr>\n");
}

static Slice take_line(Slice *text) {
    const char *end = memchr(text->bytes, '\n', text->length);
    size_t length = end ? (size_t)(end - text->bytes) : text->length;
    Slice line = slice_between(*text, 0, length);
    size_t next = end ? length + 1 : length;
    *text = slice_between(*text, next, text->length);
    return line;
}

static void write_table(Renderer *renderer, const Block *block) {
    Slice text = block_text(&renderer->blocks, block);
    Slice head = take_line(&text);
    Slice delimiters = take_line(&text);
    add(renderer, "<table>\n<thead>\n");
    write_row(renderer, head, delimiters, "th");
    add(renderer, "</thead>\n");
    if (text.length > 0) {
        add(renderer, "<tbody>\n");
        while (text.length > 0) write_row(renderer, take_line(&text), delimiters, "td");
        add(renderer, "</tbody>\n");
    }
    add(renderer, "</table>\n");
}

/* ---- Blocks ---- */

static void write_blocks(Renderer *renderer, const Block *parent);

static void write_list(Renderer *renderer, const Block *list) {
    if (!list->list.ordered) {
        add(renderer, "<ul>\n");
    } else if (list->list.number == 1) {
        add(renderer, "<ol>\n");
    } else {
        add(renderer, "<ol start=\"");
        buffer_add_number(&renderer->document->html, list->list.number);
        add(renderer, "\">\n");
    }
    write_blocks(renderer, list);
    add(renderer, list->list.ordered ? "</ol>\n" : "</ul>\n");
}

static void write_paragraph(Renderer *renderer, const Block *block) {
    const Block *above = block->parent->parent;
    Slice text = block_text(&renderer->blocks, block);
    if (above && above->kind == LIST && above->list.tight) {
        write_inlines(renderer, text);
        if (block->next) add(renderer, "\n");
        return;
    }
    add(renderer, "<p>");
    write_inlines(renderer, text);
    add(renderer, "</p>\n");
}

static void write_item(Renderer *renderer, const Block *item) {
    add(renderer, "<li>");
    bool tight_text = item->first && item->first->kind == PARAGRAPH && item->parent->list.tight;
    if (item->first && !tight_text) add(renderer, "\n");
    write_blocks(renderer, item);
    add(renderer, "</li>\n");
}

static void write_block(Renderer *renderer, const Block *block) {
    switch (block->kind) {
        case DOCUMENT: break;
        case QUOTE:
            add(renderer, "<blockquote>\n");
            write_blocks(renderer, block);
            add(renderer, "</blockquote>\n");
            break;
        case LIST: write_list(renderer, block); break;
        case ITEM: write_item(renderer, block); break;
        case PARAGRAPH: write_paragraph(renderer, block); break;
        case HEADING: write_heading(renderer, block); break;
        case CODE_BLOCK: write_code(renderer, block); break;
        case TABLE: write_table(renderer, block); break;
        case RULE: add(renderer, "<hr />\n"); break;
    }
}

/* Recurses no deeper than BLOCK_DEPTH_MAX lets blocks nest. */
static void write_blocks(Renderer *renderer, const Block *parent) {
    for (const Block *block = parent->first; block; block = block->next) {
        if (block->kind != PARAGRAPH && block->previous) add_line_start(renderer);
        write_block(renderer, block);
    }
}

void markdown_render(Slice source, Document *document) {
    static const char too_long[] = "The HTML would be longer than 1500000 bytes.";
    document->html = (Buffer){.limit = HTML_BYTES_MAX, .limit_sentence = too_long};
    Renderer renderer = {
        .document = document,
        .blocks.text = {.limit = TEXT_BYTES_MAX, .limit_sentence = "The document is too long."},
        .plain = {.limit = TEXT_BYTES_MAX, .limit_sentence = "The document is too long."},
        .ids = heading_ids_create(),
    };
    blocks_parse(&renderer.blocks, source);
    renderer.inlines = inlines_create(&renderer.blocks.references);
    write_blocks(&renderer, renderer.blocks.document);
    document->words = renderer.words.words;
}

/* How each kind of block begins. */
#include <string.h>

#include "blocks_private.h"
#include "text.h"

static Start start_quote(Parser *parser) {
    Line *line = &parser->line;
    if (line_byte(line, line->text_at) != '>') return NOTHING;
    line_advance_to_text(line);
    line_advance(line, 1);
    if (is_space_or_tab(line_byte(line, line->at))) line_advance(line, 1);
    blocks_add(parser, QUOTE);
    return CONTAINER_STARTED;
}

static Slice heading_text(Slice line) {
    line = slice_trim(line);
    size_t end = line.length;
    while (end > 0 && line.bytes[end - 1] == '#') end--;
    bool closed = end < line.length && (end == 0 || is_space_or_tab(line.bytes[end - 1]));
    return closed ? slice_trim(slice_between(line, 0, end)) : line;
}

static Start start_heading(Parser *parser) {
    Line *line = &parser->line;
    size_t at = line->text_at;
    while (line_byte(line, at) == '#') at++;
    size_t level = at - line->text_at;
    if (level < 1 || level > 6) return NOTHING;
    if (at < line->text.length && !is_space_or_tab(line_byte(line, at))) return NOTHING;
    Block *heading = blocks_add(parser, HEADING);
    heading->level = (int)level;
    buffer_add_slice(&parser->blocks->text, heading_text(line_rest(line, at)));
    heading->text_end = parser->blocks->text.length;
    line_advance_to_end(line);
    return LEAF_STARTED;
}

static Start start_fence(Parser *parser) {
    Line *line = &parser->line;
    int mark = line_byte(line, line->text_at);
    if (mark != '`' && mark != '~') return NOTHING;
    size_t at = line->text_at;
    while (line_byte(line, at) == mark) at++;
    size_t length = at - line->text_at;
    Slice info = slice_trim(line_rest(line, at));
    bool has_backtick = info.length > 0 && memchr(info.bytes, '`', info.length);
    if (length < 3 || (mark == '`' && has_backtick)) return NOTHING;
    Block *code = blocks_add(parser, CODE_BLOCK);
    size_t language_end = 0;
    while (language_end < info.length && !is_space(info.bytes[language_end])) language_end++;
    code->code = (CodeStyle){.fenced = true,
                             .mark = (char)mark,
                             .fence_length = length,
                             .fence_indent = line->indent,
                             .language = unescape(slice_between(info, 0, language_end))};
    line_advance_to_end(line);
    return LEAF_STARTED;
}

/* A line of "=" or "-" makes the paragraph above it a heading. */
static Start start_underlined_heading(Parser *parser, Block *container) {
    Line *line = &parser->line;
    if (container->kind != PARAGRAPH) return NOTHING;
    int mark = line_byte(line, line->text_at);
    if (mark != '=' && mark != '-') return NOTHING;
    size_t at = line->text_at;
    while (line_byte(line, at) == mark) at++;
    while (is_space_or_tab(line_byte(line, at))) at++;
    if (at < line->text.length) return NOTHING;
    if (!blocks_take_references(parser, container)) return NOTHING;
    blocks_finish_unmatched(parser);
    container->kind = HEADING;
    container->level = mark == '=' ? 1 : 2;
    line_advance_to_end(line);
    return LEAF_STARTED;
}

static Start start_rule(Parser *parser) {
    Line *line = &parser->line;
    int mark = line_byte(line, line->text_at);
    if (mark != '*' && mark != '-' && mark != '_') return NOTHING;
    int count = 0;
    for (size_t at = line->text_at; at < line->text.length; at++) {
        if (line_byte(line, at) == mark) count++;
        else if (!is_space_or_tab(line_byte(line, at))) return NOTHING;
    }
    if (count < 3) return NOTHING;
    blocks_add(parser, RULE);
    line_advance_to_end(line);
    return LEAF_STARTED;
}

/* Bytes of the list marker at `text_at`, 0 when there is none. */
static size_t scan_list_marker(const Line *line, bool interrupts_paragraph, ListStyle *style) {
    size_t start = line->text_at, at = start;
    int byte = line_byte(line, at);
    if (byte == '*' || byte == '-' || byte == '+') {
        at++;
    } else {
        while (is_digit(line_byte(line, at)) && at - start < 9) {
            style->number = style->number * 10 + (unsigned)(line_byte(line, at++) - '0');
        }
        byte = line_byte(line, at);
        if (at == start || (byte != '.' && byte != ')')) return 0;
        if (interrupts_paragraph && style->number != 1) return 0;
        style->ordered = true;
        at++;
    }
    style->mark = (char)byte;
    if (at < line->text.length && !is_space_or_tab(line_byte(line, at))) return 0;
    bool empty = slice_trim(line_rest(line, at)).length == 0;
    return interrupts_paragraph && empty ? 0 : at - start;
}

/* Step over the marker and the spaces that belong to it; say how wide both are. */
static int step_over_marker(Line *line, int marker) {
    line_advance_to_text(line);
    line_advance(line, marker);
    Line before = *line;
    while (line->column - before.column < 5 && is_space_or_tab(line_byte(line, line->at))) {
        line_advance(line, 1);
    }
    int spaces = line->column - before.column;
    bool empty = line->at >= line->text.length;
    if (spaces >= 1 && spaces < 5 && !empty) return marker + spaces;
    *line = before; /* the text is code, or not there: one space belongs to the marker */
    if (spaces > 0) line_advance(line, 1);
    return marker + 1;
}

static bool same_list(const ListStyle *left, const ListStyle *right) {
    return left->ordered == right->ordered && left->mark == right->mark;
}

static Start start_item(Parser *parser, Block *container) {
    ListStyle style = {0};
    size_t marker = scan_list_marker(&parser->line, container->kind == PARAGRAPH, &style);
    if (marker == 0) return NOTHING;
    style.indent = parser->line.indent;
    blocks_finish_unmatched(parser);
    style.width = step_over_marker(&parser->line, (int)marker);
    if (container->kind != LIST || !same_list(&container->list, &style)) {
        blocks_add(parser, LIST)->list = style;
    }
    blocks_add(parser, ITEM)->list = style;
    return CONTAINER_STARTED;
}

/* A delimiter row makes the last line of the paragraph above it the head of a table. */
static Start start_table(Parser *parser, Block *container) {
    Line *line = &parser->line;
    if (container->kind != PARAGRAPH) return NOTHING;
    Slice delimiters = line_rest(line, line->text_at);
    if (!table_is_delimiter_row(delimiters)) return NOTHING;
    Slice text = block_text(parser->blocks, container);
    if (text.length == 0) return NOTHING;
    size_t head = text.length - 1; /* the text ends with a line end */
    while (head > 0 && text.bytes[head - 1] != '\n') head--;
    Slice head_line = slice_between(text, head, text.length);
    if (table_cell_count(head_line) != table_cell_count(delimiters)) return NOTHING;

    blocks_finish_unmatched(parser);
    size_t head_start = container->text_start + head;
    container->text_end = head_start;
    Block *table = blocks_add(parser, TABLE); /* finishes the paragraph, which may now be empty */
    table->text_start = head_start;
    table->line = container->line;
    line_advance_to_text(line);
    return LEAF_STARTED;
}

static Start start_indented_code(Parser *parser) {
    Line *line = &parser->line;
    if (parser->tip->kind == PARAGRAPH || line->blank) return NOTHING;
    line_advance(line, CODE_INDENT);
    blocks_add(parser, CODE_BLOCK);
    return LEAF_STARTED;
}

Start start_block(Parser *parser, Block *container) {
    const Line *line = &parser->line;
    if (line->indent >= CODE_INDENT) return start_indented_code(parser);
    if (line->blank) return NOTHING;
    bool may_nest = container->depth < BLOCK_DEPTH_MAX || container->kind == LIST;
    Start started = may_nest ? start_quote(parser) : NOTHING;
    if (started == NOTHING) started = start_heading(parser);
    if (started == NOTHING) started = start_fence(parser);
    if (started == NOTHING) started = start_table(parser, container);
    if (started == NOTHING) started = start_underlined_heading(parser, container);
    if (started == NOTHING) started = start_rule(parser);
    if (started == NOTHING && may_nest) started = start_item(parser, container);
    return started;
}

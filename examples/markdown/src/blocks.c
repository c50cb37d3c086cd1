/* The line-by-line algorithm of the CommonMark specification: each line first continues the blocks
   that are open, then may start new ones, then adds its text to the innermost. */
#include "blocks.h"

#include "blocks_private.h"
#include "text.h"

/* ---- The tree ---- */

static bool is_leaf(BlockKind kind) { return kind >= PARAGRAPH; }

static bool takes_lines(const Block *block) {
    return block->kind == PARAGRAPH || block->kind == CODE_BLOCK || block->kind == TABLE;
}

Slice block_text(const Blocks *blocks, const Block *block) {
    return slice_between(buffer_slice(&blocks->text), block->text_start, block->text_end);
}

static void unlink_last(Block *block) {
    Block *parent = block->parent;
    parent->last = block->previous;
    if (block->previous) block->previous->next = NULL;
    else parent->first = NULL;
}

static bool ends_with_blank_line(const Block *block) {
    for (; block; block = block->last) {
        if (block->ends_blank) return true;
        if (block->kind != LIST && block->kind != ITEM) return false;
    }
    return false;
}

static bool list_is_tight(const Block *list) {
    for (const Block *item = list->first; item; item = item->next) {
        if (item->next && ends_with_blank_line(item)) return false;
        for (const Block *part = item->first; part; part = part->next) {
            if ((item->next || part->next) && ends_with_blank_line(part)) return false;
        }
    }
    return true;
}

bool blocks_take_references(Parser *parser, Block *paragraph) {
    size_t length;
    while ((length = references_take(&parser->blocks->references,
                                     block_text(parser->blocks, paragraph))) > 0) {
        paragraph->text_start += length;
    }
    return slice_trim(block_text(parser->blocks, paragraph)).length > 0;
}

static void trim_blank_end(const Blocks *blocks, Block *code) {
    Slice text = block_text(blocks, code);
    size_t end = text.length;
    while (end > 0 && is_space(text.bytes[end - 1])) end--;
    while (end < text.length && text.bytes[end] != '\n') end++;
    code->text_end = code->text_start + (end < text.length ? end + 1 : end);
}

static void finish(Parser *parser, Block *block) {
    block->open = false;
    parser->tip = block->parent;
    if (block->kind == PARAGRAPH && !blocks_take_references(parser, block)) unlink_last(block);
    else if (block->kind == CODE_BLOCK && !block->code.fenced)
        trim_blank_end(parser->blocks, block);
    else if (block->kind == LIST) block->list.tight = list_is_tight(block);
}

void blocks_finish_unmatched(Parser *parser) {
    while (parser->old_tip != parser->matched) {
        Block *parent = parser->old_tip->parent;
        finish(parser, parser->old_tip);
        parser->old_tip = parent;
    }
}

static bool may_hold(const Block *parent, BlockKind kind) {
    return parent->kind == LIST ? kind == ITEM : !is_leaf(parent->kind) && kind != ITEM;
}

Block *blocks_add(Parser *parser, BlockKind kind) {
    blocks_finish_unmatched(parser);
    while (!may_hold(parser->tip, kind)) finish(parser, parser->tip);
    Block *parent = parser->tip;
    Block *block = arena_allocate(sizeof *block);
    block->kind = kind;
    block->open = true;
    block->parent = parent;
    block->depth = parent->depth + 1;
    block->line = parser->line.number;
    block->previous = parent->last;
    block->text_start = block->text_end = parser->blocks->text.length;
    if (parent->last) parent->last->next = block;
    else parent->first = block;
    parent->last = block;
    parser->tip = parser->old_tip = parser->matched = block;
    return block;
}

/* Only the innermost block takes lines, so the lines of one block lie together. */
static void add_line(Parser *parser) {
    Line *line = &parser->line;
    Buffer *text = &parser->blocks->text;
    for (; line->tab_left > 0; line->tab_left--) {
        buffer_add_byte(text, ' ');
        if (line->tab_left == 1) line->at++;
    }
    if (line->at < line->text.length) buffer_add_slice(text, line_rest(line, line->at));
    buffer_add_byte(text, '\n');
    parser->tip->text_end = text->length;
}

/* ---- Continuing open blocks ---- */

typedef enum { CONTINUES, ENDS, ENDS_WITH_LINE } Continuation;

static bool is_closing_fence(const Line *line, const CodeStyle *code) {
    size_t at = line->text_at;
    while (line_byte(line, at) == code->mark) at++;
    if (at - line->text_at < code->fence_length) return false;
    while (is_space_or_tab(line_byte(line, at))) at++;
    return at == line->text.length;
}

static Continuation continue_code(Parser *parser, Block *block) {
    Line *line = &parser->line;
    if (!block->code.fenced) {
        if (line->indent >= CODE_INDENT) line_advance(line, CODE_INDENT);
        else if (line->blank) line_advance_to_text(line);
        else return ENDS;
        return CONTINUES;
    }
    if (line->indent < CODE_INDENT && is_closing_fence(line, &block->code)) {
        finish(parser, block);
        return ENDS_WITH_LINE;
    }
    int columns = block->code.fence_indent;
    line_advance(line, columns < line->indent ? columns : line->indent);
    return CONTINUES;
}

static Continuation continue_item(Parser *parser, const Block *item) {
    Line *line = &parser->line;
    int content = item->list.indent + item->list.width;
    if (line->blank) {
        if (!item->first) return ENDS; /* an item may begin with one blank line, not two */
        line_advance_to_text(line);
    } else if (line->indent >= content) {
        line_advance(line, content);
    } else {
        return ENDS;
    }
    return CONTINUES;
}

static Continuation continue_block(Parser *parser, Block *block) {
    Line *line = &parser->line;
    switch (block->kind) {
        case DOCUMENT:
        case LIST: return CONTINUES;
        case QUOTE:
            if (line->indent >= CODE_INDENT || line_byte(line, line->text_at) != '>') return ENDS;
            line_advance_to_text(line);
            line_advance(line, 1);
            if (is_space_or_tab(line_byte(line, line->at))) line_advance(line, 1);
            return CONTINUES;
        case ITEM: return continue_item(parser, block);
        case CODE_BLOCK: return continue_code(parser, block);
        case PARAGRAPH:
        case TABLE: return line->blank ? ENDS : CONTINUES;
        case HEADING:
        case RULE: return ENDS;
    }
    return ENDS;
}

/* ---- One line ---- */

/* Walk down the open blocks this line continues. False when the line was used up by that. */
static bool continue_blocks(Parser *parser) {
    Block *block = parser->blocks->document;
    parser->matched = block;
    while (block->last && block->last->open) {
        block = block->last;
        line_find_text(&parser->line);
        Continuation continuation = continue_block(parser, block);
        if (continuation == ENDS_WITH_LINE) return false;
        if (continuation == ENDS) return true;
        parser->matched = block;
    }
    return true;
}

static void start_blocks(Parser *parser) {
    Block *container = parser->matched;
    bool done =
        is_leaf(container->kind) && container->kind != PARAGRAPH && container->kind != TABLE;
    while (!done) {
        line_find_text(&parser->line);
        Start started = start_block(parser, container);
        if (started != NOTHING) container = parser->tip;
        done = started != CONTAINER_STARTED;
    }
}

/* A list is loose when a blank line lies between its parts; remember where blank lines were. */
static void note_blank(Parser *parser) {
    const Line *line = &parser->line;
    Block *container = parser->matched;
    if (line->blank && container->last) container->last->ends_blank = true;
    bool own_end =
        container->kind == QUOTE || container->kind == HEADING || container->kind == RULE ||
        (container->kind == CODE_BLOCK && container->code.fenced) ||
        (container->kind == ITEM && !container->first && container->line == line->number);
    container->ends_blank = line->blank && !own_end;
    for (Block *above = container->parent; above; above = above->parent) above->ends_blank = false;
}

static void add_text(Parser *parser) {
    Line *line = &parser->line;
    bool all_matched = parser->old_tip == parser->matched;
    if (!all_matched && !line->blank && parser->tip->kind == PARAGRAPH) {
        line_advance_to_text(line); /* a lazy line: the paragraph goes on without its markers */
        add_line(parser);
        return;
    }
    blocks_finish_unmatched(parser);
    note_blank(parser);
    Block *container = parser->matched;
    bool leaf_started_here = line->at >= line->text.length && container->line == line->number;
    if (takes_lines(container)) {
        if (container->kind == CODE_BLOCK && container->code.fenced && leaf_started_here) return;
        if (container->kind == PARAGRAPH) line_advance_to_text(line);
        add_line(parser);
    } else if (!line->blank && line->at < line->text.length) {
        blocks_add(parser, PARAGRAPH);
        line_advance_to_text(line);
        add_line(parser);
    }
}

static void parse_line(Parser *parser, Slice text) {
    Line *line = &parser->line;
    *line = (Line){.text = text, .number = line->number + 1};
    parser->old_tip = parser->tip;
    line_find_text(line);
    if (!continue_blocks(parser)) return;
    line_find_text(line);
    start_blocks(parser);
    line_find_text(line);
    add_text(parser);
}

static size_t find_line_end(Slice source, size_t at) {
    while (at < source.length && source.bytes[at] != '\n' && source.bytes[at] != '\r') at++;
    return at;
}

void blocks_parse(Blocks *blocks, Slice source) {
    blocks->document = arena_allocate(sizeof *blocks->document);
    blocks->document->open = true;
    Parser parser = {.blocks = blocks, .tip = blocks->document};
    for (size_t at = 0; at < source.length;) {
        size_t end = find_line_end(source, at);
        parse_line(&parser, slice_between(source, at, end));
        bool pair =
            end + 1 < source.length && source.bytes[end] == '\r' && source.bytes[end + 1] == '\n';
        at = end + (pair ? 2 : 1);
    }
    while (parser.tip) finish(&parser, parser.tip);
}

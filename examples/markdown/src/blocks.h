/* The block structure of a document: what is a quote, a list, a heading, a paragraph. */
#ifndef BLOCKS_H
#define BLOCKS_H

#include "buffer.h"
#include "links.h"

typedef enum { DOCUMENT, QUOTE, LIST, ITEM, PARAGRAPH, HEADING, CODE_BLOCK, TABLE, RULE } BlockKind;

typedef struct {
    char mark; /* '-', '+' or '*'; '.' or ')' after a number */
    bool ordered;
    bool tight;      /* LIST: no blank lines between its parts */
    unsigned number; /* of the first item */
    int indent;      /* ITEM: of its marker */
    int width;       /* ITEM: of its marker and the spaces after it */
} ListStyle;

typedef struct {
    bool fenced;
    char mark;
    size_t fence_length;
    int fence_indent;
    Slice language;
} CodeStyle;

typedef struct Block {
    BlockKind kind;
    int depth;
    struct Block *parent, *first, *last, *previous, *next;
    bool open;
    bool ends_blank;             /* a blank line follows its last line */
    size_t line;                 /* it starts on */
    size_t text_start, text_end; /* its lines, without what its ancestors own, in Blocks.text */
    int level;                   /* HEADING: 1 to 6 */
    ListStyle list;              /* LIST, ITEM */
    CodeStyle code;              /* CODE_BLOCK */
} Block;

typedef struct {
    Block *document;
    Buffer text;
    References references;
} Blocks;

/* Containers nest this deep; markers beyond are plain text. */
enum { BLOCK_DEPTH_MAX = 48 };

void blocks_parse(Blocks *blocks, Slice source);
Slice block_text(const Blocks *blocks, const Block *block);

/* The cells of one table row, in turn. */
typedef struct {
    Slice inner;
    size_t at;
} TableRow;

TableRow table_row(Slice line);
bool table_next_cell(TableRow *row, Slice *cell);
size_t table_cell_count(Slice line);
bool table_is_delimiter_row(Slice line);

#endif

/* What the parts of the block parser share. */
#ifndef BLOCKS_PRIVATE_H
#define BLOCKS_PRIVATE_H

#include "blocks.h"
#include "line.h"

enum { CODE_INDENT = 4 };

typedef struct {
    Blocks *blocks;
    Line line;
    Block *tip;     /* innermost open block */
    Block *old_tip; /* the same before this line */
    Block *matched; /* innermost block this line continues */
} Parser;

typedef enum { NOTHING, CONTAINER_STARTED, LEAF_STARTED } Start;

/* Start the block that the text of the line begins, if it begins one. */
Start start_block(Parser *parser, Block *container);

/* Append a block to the innermost open block that may hold it. */
Block *blocks_add(Parser *parser, BlockKind kind);
void blocks_finish_unmatched(Parser *parser);
/* Definitions leave the paragraph they stand at the start of. False when nothing else is in it. */
bool blocks_take_references(Parser *parser, Block *paragraph);

#endif

/* What the parsing and the writing of inlines share. */
#ifndef INLINES_PRIVATE_H
#define INLINES_PRIVATE_H

#include "inlines.h"

/* One pass over the text makes a flat list of items. Emphasis does not nest items: each run of
   marks carries the tags it turned into. So nothing recurses, however deep the emphasis. */

typedef enum { TEXT, CODE, SOFT_BREAK, HARD_BREAK, AUTOLINK, RUN, LINK_OPEN, LINK_CLOSE } ItemKind;
typedef enum { EM, STRONG, STRIKE } TagKind;

enum { NONE = -1, BACKTICKS_MAX = 80 };

typedef struct {
    TagKind kind;
    int next;
} Tag;

/* A run of "*", "_" or "~~": as written, and the tags its marks turn into. */
typedef struct {
    int length;
    int below, above;            /* neighbours among the runs that may still match */
    int first_close, last_close; /* tags it ends, in order */
    int first_open;              /* tags it starts, outermost first */
} Run;

typedef struct {
    Slice url, title;
} Target;

typedef struct {
    ItemKind kind;
    bool is_image;  /* LINK_* */
    bool is_email;  /* AUTOLINK */
    bool can_open;  /* RUN */
    bool can_close; /* RUN */
    Slice text;     /* what to show; of a run the marks that are left */
    union {
        Run run;       /* RUN */
        Target target; /* LINK_OPEN */
    };
} Item;

typedef struct {
    int item;
    int run_below;  /* topmost run when the bracket was opened */
    size_t text_at; /* just after the bracket */
    bool is_image;
    bool bracket_inside;
} Bracket;

struct Inlines {
    const References *references;
    Slice text;
    size_t at;
    size_t pending; /* start of plain text that is not yet an item */
    Item *items;
    size_t item_count, item_capacity;
    Tag *tags;
    size_t tag_count, tag_capacity;
    Bracket *brackets;
    size_t bracket_count, bracket_capacity;
    size_t around_link; /* this many brackets at the bottom of the stack already hold a link */
    int top_run;
    size_t backtick_runs[BACKTICKS_MAX + 1]; /* where the last run of each length was seen */
    bool backticks_scanned;
};

/* Append an item; the pointer holds until the next one. */
Item *inlines_add(Inlines *in, ItemKind kind, Slice text);
/* Make an item of the plain text before the current position. */
void inlines_flush_text(Inlines *in);
/* What stands from the current position to `end` has become an item. */
void inlines_move_to(Inlines *in, size_t end);
/* -1 past the end. */
int inlines_byte_at(const Inlines *in, size_t at);

/* At a run of marks. */
void emphasis_parse_run(Inlines *in);
/* Match the runs above `bottom` and forget them. */
void emphasis_match(Inlines *in, int bottom);

#endif

/* Emphasis: which runs of "*", "_" and "~~" begin and end it. The algorithm of the CommonMark
   specification, whose searches never look twice where they once failed. */
#include "inlines_private.h"
#include "text.h"

enum { BOTTOM_COUNT = 3 * 2 * 3 };

static int add_tag(Inlines *in, TagKind kind, int next) {
    in->tags = array_grow(in->tags, in->tag_count, &in->tag_capacity, sizeof *in->tags);
    in->tags[in->tag_count] = (Tag){kind, next};
    return (int)in->tag_count++;
}

static char mark_of(const Item *run) { return run->text.bytes[0]; } /* also when none are left */

static void remove_run(Inlines *in, int index) {
    Run run = in->items[index].run;
    if (run.below != NONE) in->items[run.below].run.above = run.above;
    if (run.above != NONE) in->items[run.above].run.below = run.below;
    else in->top_run = run.below;
}

static void match_runs(Inlines *in, int opener_index, int closer_index) {
    Item *opener = &in->items[opener_index];
    Item *closer = &in->items[closer_index];
    bool two = opener->text.length >= 2 && closer->text.length >= 2;
    TagKind kind = mark_of(opener) == '~' ? STRIKE : two ? STRONG : EM;
    size_t used = two ? 2 : 1;

    opener->run.first_open = add_tag(in, kind, opener->run.first_open);
    int close = add_tag(in, kind, NONE);
    if (closer->run.last_close == NONE) closer->run.first_close = close;
    else in->tags[closer->run.last_close].next = close;
    closer->run.last_close = close;

    opener->text.length -= used;
    closer->text.length -= used;
    while (closer->run.below != opener_index) remove_run(in, closer->run.below);
    if (opener->text.length == 0) remove_run(in, opener_index);
    if (closer->text.length == 0) remove_run(in, closer_index);
}

/* The rule of three: a run that could both open and close refuses lengths that add up to threes. */
static bool lengths_clash(const Item *opener, const Item *closer) {
    return (closer->can_open || opener->can_close) && closer->run.length % 3 != 0 &&
           (opener->run.length + closer->run.length) % 3 == 0;
}

/* Below this run a search for the same kind of opener has already failed. */
static int bottom_slot(const Item *closer) {
    int mark = mark_of(closer) == '*' ? 0 : mark_of(closer) == '_' ? 1 : 2;
    return (mark * 2 + (closer->can_open ? 1 : 0)) * 3 + closer->run.length % 3;
}

static int find_opener(const Inlines *in, const Item *closer, int floor) {
    for (int i = closer->run.below; i != NONE && i > floor; i = in->items[i].run.below) {
        const Item *opener = &in->items[i];
        bool fits = mark_of(opener) == mark_of(closer) && opener->can_open;
        if (fits && !lengths_clash(opener, closer)) return i;
    }
    return NONE;
}

void emphasis_match(Inlines *in, int bottom) {
    int floors[BOTTOM_COUNT];
    for (int i = 0; i < BOTTOM_COUNT; i++) floors[i] = bottom;
    int current = in->top_run;
    if (current == bottom) return;
    while (in->items[current].run.below != bottom) current = in->items[current].run.below;
    while (current != NONE) {
        Item *closer = &in->items[current];
        int above = closer->run.above;
        if (!closer->can_close) {
            current = above;
            continue;
        }
        int slot = bottom_slot(closer);
        int opener = find_opener(in, closer, floors[slot]);
        if (opener != NONE) {
            match_runs(in, opener, current);
            if (in->items[current].text.length == 0) current = above;
            continue;
        }
        floors[slot] = closer->run.below > bottom ? closer->run.below : bottom;
        if (!closer->can_open) remove_run(in, current);
        current = above;
    }
    while (in->top_run != bottom) remove_run(in, in->top_run);
}

void emphasis_parse_run(Inlines *in) {
    size_t start = in->at, end = start;
    char mark = in->text.bytes[start];
    while (inlines_byte_at(in, end) == mark) end++;
    if (mark == '~' && end - start != 2) {
        in->at = end;
        return;
    }
    unsigned before = utf8_before(in->text, start, '\n');
    unsigned after = utf8_at(in->text, end, '\n');
    bool space_before = point_is_space(before), space_after = point_is_space(after);
    bool mark_before = point_is_punctuation(before), mark_after = point_is_punctuation(after);
    bool left = !space_after && (!mark_after || space_before || mark_before);
    bool right = !space_before && (!mark_before || space_after || mark_after);

    inlines_flush_text(in);
    int index = (int)in->item_count;
    Item *run = inlines_add(in, RUN, slice_between(in->text, start, end));
    run->run = (Run){.length = (int)(end - start),
                     .below = in->top_run,
                     .above = NONE,
                     .first_close = NONE,
                     .last_close = NONE,
                     .first_open = NONE};
    run->can_open = left && (mark != '_' || !right || mark_before);
    run->can_close = right && (mark != '_' || !left || mark_after);
    if (in->top_run != NONE) in->items[in->top_run].run.above = index;
    in->top_run = index;
    inlines_move_to(in, end);
}

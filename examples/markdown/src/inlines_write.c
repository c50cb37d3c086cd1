/* Items as HTML, and as the text a reader would see. */
#include "inlines_private.h"
#include "text.h"

void count_words(WordCount *count, Slice text) {
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.bytes[i];
        if (is_space(byte)) {
            count->in_word = false;
        } else if (!count->in_word && (is_alphanumeric(byte) || byte >= 0x80)) {
            count->in_word = true;
            count->words++;
        }
    }
}

static const char *const open_tags[] = {"<em>", "<strong>", "<del>"};
static const char *const close_tags[] = {"</em>", "</strong>", "</del>"};

static void write_tags(const Inlines *in, Buffer *out, int tag, const char *const *names) {
    for (; tag != NONE; tag = in->tags[tag].next) buffer_add_text(out, names[in->tags[tag].kind]);
}

static void write_link_start(Buffer *out, const Item *item, const char *start) {
    buffer_add_text(out, start);
    url_write(out, item->target.url);
}

static void write_title(Buffer *out, Slice title) {
    if (title.length == 0) return;
    buffer_add_text(out, " title=\"");
    html_escape(out, title);
    buffer_add_byte(out, '"');
}

static void write_autolink(Buffer *out, const Item *item, bool inside_link) {
    if (!inside_link) {
        buffer_add_text(out, "<a href=\"");
        if (item->is_email) buffer_add_text(out, "mailto:");
        url_write(out, item->text);
        buffer_add_text(out, "\">");
    }
    html_escape(out, item->text);
    if (!inside_link) buffer_add_text(out, "</a>");
}

/* Close item of an open one: images become attributes, so their end must be known. */
static size_t find_close(const Inlines *in, size_t open) {
    size_t depth = 0;
    for (size_t i = open;; i++) {
        if (in->items[i].kind == LINK_OPEN) depth++;
        if (in->items[i].kind == LINK_CLOSE && --depth == 0) return i;
    }
}

static void write_plain_items(const Inlines *in, Buffer *out, size_t start, size_t end) {
    for (size_t i = start; i < end; i++) {
        const Item *item = &in->items[i];
        if (item->kind == SOFT_BREAK || item->kind == HARD_BREAK) buffer_add_byte(out, ' ');
        else if (item->kind != LINK_OPEN && item->kind != LINK_CLOSE)
            buffer_add_slice(out, item->text);
    }
}

static size_t write_image(const Inlines *in, Buffer *out, size_t open) {
    const Item *item = &in->items[open];
    size_t close = find_close(in, open);
    Buffer alternative = {.limit = in->text.length * 4 + 1,
                          .limit_sentence = "An image text is too long."};
    write_plain_items(in, &alternative, open + 1, close);
    bool safe = url_is_safe(item->target.url, true);
    if (safe) {
        write_link_start(out, item, "<img src=\"");
        buffer_add_text(out, "\" alt=\"");
    }
    html_escape(out, buffer_slice(&alternative));
    if (safe) {
        buffer_add_byte(out, '"');
        write_title(out, item->target.title);
        buffer_add_text(out, " />");
    }
    buffer_free(&alternative);
    return close;
}

static void write_run(const Inlines *in, Buffer *out, const Item *run) {
    write_tags(in, out, run->run.first_close, close_tags);
    buffer_add_slice(out, run->text);
    write_tags(in, out, run->run.first_open, open_tags);
}

void inlines_write_html(const Inlines *in, Buffer *out) {
    bool inside_link = false, link_written = false; /* links hold no links: one level is enough */
    for (size_t i = 0; i < in->item_count; i++) {
        const Item *item = &in->items[i];
        switch (item->kind) {
            case TEXT: html_escape(out, item->text); break;
            case CODE:
                buffer_add_text(out, "<code>");
                html_escape(out, item->text);
                buffer_add_text(out, "</code>");
                break;
            case SOFT_BREAK: buffer_add_byte(out, '\n'); break;
            case HARD_BREAK: buffer_add_text(out, "<br />\n"); break;
            case AUTOLINK: write_autolink(out, item, inside_link); break;
            case RUN: write_run(in, out, item); break;
            case LINK_OPEN:
                if (item->is_image) {
                    i = write_image(in, out, i);
                    break;
                }
                inside_link = true;
                link_written = url_is_safe(item->target.url, false);
                if (!link_written) break; /* an unsafe link shows its text alone */
                write_link_start(out, item, "<a href=\"");
                buffer_add_byte(out, '"');
                write_title(out, item->target.title);
                buffer_add_byte(out, '>');
                break;
            case LINK_CLOSE:
                inside_link = false;
                if (link_written) buffer_add_text(out, "</a>");
                break;
        }
    }
}

void inlines_write_plain(const Inlines *in, Buffer *out, WordCount *count) {
    size_t start = out->length;
    write_plain_items(in, out, 0, in->item_count);
    count->in_word = false;
    count_words(count, slice_between(buffer_slice(out), start, out->length));
    count->in_word = false;
}

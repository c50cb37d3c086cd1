/* Ids of headings: readable, and unique in one document. */
#ifndef HEADINGS_H
#define HEADINGS_H

#include "buffer.h"

typedef struct HeadingIds HeadingIds;

HeadingIds *heading_ids_create(void);
/* "What it costs!" becomes "what-it-costs"; when that is taken, "what-it-costs-1". */
Slice heading_id(HeadingIds *ids, Slice text);

#endif

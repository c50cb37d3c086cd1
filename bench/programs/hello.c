/* A small ordinary program: the C library's output, one JSON text. Built by `make -C bench/programs`. */
#include <stdio.h>

int main(void) {
    return fputs("{\"hello\":\"world\"}", stdout) < 0 || fflush(stdout) != 0;
}

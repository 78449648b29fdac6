/* IOR counts its backends with sizeof, so nothing can be appended: those that nobody needs beside benchfs give
 * their places. DUMMY by preference, then from the end; never the first, which is IOR's default. */
#include <mpi.h>

#include <stdio.h>
#include <string.h>

#include "aiori.h"
#include "ior.h"

#include "register.h"

extern ior_aiori_t* available_aiori[];
static int put(ior_aiori_t* backend, ior_aiori_t* const* ours) {
    int place = 0;
    for (int i = 1; available_aiori[i] != NULL; ++i) {
        int taken = 0;
        for (ior_aiori_t* const* o = ours; *o != NULL; ++o) taken = taken || *o == available_aiori[i];
        if (!taken) place = i;
        if (strcmp(available_aiori[i]->name, "DUMMY") == 0) break;
    }
    if (place == 0) {
        fprintf(stderr,
                "IOR's table of backends has no place for %s: build IOR with one more, for example DUMMY\n",
                backend->name);
        return -1;
    }
    available_aiori[place] = backend;
    return 0;
}

int register_backends(ior_aiori_t* const* backends) {
    for (ior_aiori_t* const* b = backends; *b != NULL; ++b) {
        if (put(*b, backends) != 0) return -1;
    }
    return 0;
}

/* Puts backends into the table of the IOR library that this program is linked with. */
#ifndef BENCHFS_IOR_REGISTER_H
#define BENCHFS_IOR_REGISTER_H

#include "aiori.h"

/* A list that ends with NULL. 0, or -1 with a message if the table has no room for them. Before anything of IOR
 * is called. */
int register_backends(ior_aiori_t* const* backends);

#endif

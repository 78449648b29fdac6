/* Puts the BENCHFS backend into the table of the IOR library that this program is linked with. */
#ifndef BENCHFS_IOR_REGISTER_H
#define BENCHFS_IOR_REGISTER_H

/* 0, or -1 with a message if the table has no room. Before anything of IOR is called. */
int register_benchfs(void);

#endif

/* What the programs around the adapter may say to it; IOR itself needs only `benchfs_aiori`. */
#ifndef AIORI_BENCHFS_H
#define AIORI_BENCHFS_H

/* Servers run already (they are ranks of this launch, or somebody else's): a data directory is then only where
 * the registry is, and no rank starts a server. */
void benchfs_aiori_servers_run(void);

#endif

/* What the programs around the adapter may say to it; IOR itself needs only `benchfsmini_aiori`. */
#ifndef AIORI_BENCHFSMINI_H
#define AIORI_BENCHFSMINI_H

/* Servers 0 to servers-1 are ranks of this launch; else --benchfsmini.servers says how many there are. */
void benchfsmini_aiori_servers_run(int servers);

#endif

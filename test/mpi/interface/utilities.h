/* IOR has its interface in several headers; here one has all. */
#include "aiori.h"

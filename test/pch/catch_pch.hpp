// Compiled once for each test program (Meson's cpp_pch). Only Catch2, which every test includes anyway:
// anything else would hide an include that a test forgot.
#include "../catch.hpp"

// Catch2 v2 (Debian 12) or v3, whichever is installed.
#pragma once

// Assertions without an exception handler each, which cost up to a fifth of a compilation with sanitizers; a
// test that throws fails all the same.
#define CATCH_CONFIG_FAST_COMPILE

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#else
#include <catch2/catch.hpp>
#endif

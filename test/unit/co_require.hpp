// REQUIRE for what a coroutine awaits. Catch2's REQUIRE names its expression more than once, and g++ 12 then awaits
// it more than once.
#pragma once

#include "catch.hpp"

#define CO_REQUIRE(...)                                                                                        \
    do {                                                                                                       \
        const auto co_outcome = __VA_ARGS__;                                                                   \
        REQUIRE(co_outcome);                                                                                   \
    } while (false)
#define CO_REQUIRE_ERROR(expected, ...)                                                                        \
    do {                                                                                                       \
        const auto co_outcome = __VA_ARGS__;                                                                   \
        REQUIRE(co_outcome.error() == (expected));                                                             \
    } while (false)

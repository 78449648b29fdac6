#include "allocations.hpp"

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BFS_TEST_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BFS_TEST_ASAN 1
#endif

namespace {
std::uint64_t count = 0;
} // namespace

#ifdef BFS_TEST_ASAN

// The sanitizer checks that new and delete match, so its own are left in place and it is asked to tell.
// Declared here because g++'s packages leave out the header.
extern "C" int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*, std::size_t),
                                                         void (*)(const volatile void*));

std::uint64_t allocations() noexcept {
    static const int installed = __sanitizer_install_malloc_and_free_hooks(
        [](const volatile void*, std::size_t) { ++count; }, [](const volatile void*) {});
    return installed == 0 ? 0 : count;
}

#else

#include <cstdlib>
#include <new>

std::uint64_t allocations() noexcept { return count; }

void* operator new(std::size_t bytes) {
    ++count;
    if (void* p = std::malloc(bytes == 0 ? 1 : bytes)) { return p; }
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

#endif

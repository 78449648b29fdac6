// Tests over UCX use loopback only; what the user has set wins.
#include <cstdlib>

namespace {

[[maybe_unused]] const bool prepared = [] {
    ::setenv("UCX_NET_DEVICES", "lo", 0);
    return true;
}();

} // namespace

// A target as a libFuzzer program; FUZZ_TARGET names it.
#include "target.hpp"

#include "benchfs/base/log.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace benchfs;
    static const bool quiet = [] {
        set_log_level(log_level::off); // rubbish is complained about, over and over
        return true;
    }();
    (void)quiet;
    fuzz::FUZZ_TARGET.run(std::as_bytes(std::span(data, size)));
    return 0;
}

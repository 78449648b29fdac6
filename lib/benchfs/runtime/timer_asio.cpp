#include "benchfs/runtime/timer_source.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>

namespace benchfs::runtime {
namespace {

class asio_timer_source final : public timer_source {
public:
    void arm(time_point when) override {
        // The handler of a replaced wait still runs, with operation_aborted or, if it raced, with success: the
        // generation tells it from the current one.
        const std::uint64_t generation = ++generation_;
        timer_.expires_at(when);
        timer_.async_wait([this, generation](const boost::system::error_code& error) {
            if (!error && generation == generation_) { expired_ = true; }
        });
    }

    bool expired() override {
        context_.restart();
        context_.poll();
        return std::exchange(expired_, false);
    }

private:
    boost::asio::io_context context_{1};
    boost::asio::steady_timer timer_{context_};
    std::uint64_t generation_ = 0;
    bool expired_ = false;
};

} // namespace

std::unique_ptr<timer_source> make_asio_timer_source() { return std::make_unique<asio_timer_source>(); }

} // namespace benchfs::runtime

#include "world.hpp"

#include <cstdio>
#include <cstdlib>

namespace benchfs::sim {
namespace {

// What a turn of the loop costs, so that a coroutine that goes round until something happens sees time pass.
constexpr duration turn_cost = 200ns;
constexpr time_point start_of_time{std::chrono::hours(1)};
// No run needs as much; one that does will never end.
constexpr duration end_of_time = std::chrono::hours(2);

constinit world* newest = nullptr;

/// The wheel alone says what is due; nothing below it has to be armed.
class no_timer final : public runtime::timer_source {
public:
    void arm(time_point) override {}
    bool expired() override { return false; }
};

} // namespace

world::world(std::uint64_t seed, runtime::pick_policy order)
    : seed_(seed), now_(start_of_time), random_(seed), outer_(std::exchange(newest, this)) {
    runtime::loop_options options;
    options.policy = order;
    options.seed = random_.next();
    options.turns_before_yield = 1;
    options.spin_before_sleep = duration{};
    options.contended_yield = duration::max();
    options.time = this;
    options.timer = std::make_unique<no_timer>();
    loop_ = std::make_unique<runtime::loop>(std::move(options));
    loop_->add(*this);
    loop_->set_sleeper(this);
}

world::~world() {
    events_.clear();
    loop_->set_sleeper(nullptr);
    loop_->remove(*this);
    loop_.reset();
    newest = outer_;
}

std::int64_t world::wall_clock() noexcept {
    constexpr std::int64_t epoch = 1'700'000'000'000'000'000;
    return epoch + newest->now_.time_since_epoch().count();
}

duration world::between(duration from, duration to) noexcept {
    return from + duration(random_.below(static_cast<std::uint64_t>((to - from).count()) + 1));
}

void world::at(time_point when, std::function<void()> f) {
    events_.emplace(std::pair(std::max(when, now_), ++made_), std::move(f));
}

bool world::poll() noexcept {
    now_ += turn_cost;
    if (now_ - start_of_time > end_of_time) {
        std::fprintf(stderr,
                     "seed %llu: after two simulated hours the run has not ended: something waits for ever\n",
                     static_cast<unsigned long long>(seed_));
        std::abort();
    }
    bool worked = false;
    while (!events_.empty() && events_.begin()->first.first <= now_) {
        auto next = events_.extract(events_.begin());
        next.mapped()();
        worked = true;
    }
    return worked;
}

void world::wait(time_point deadline) noexcept {
    const time_point next = events_.empty() ? time_point::max() : events_.begin()->first.first;
    const time_point until = std::min(deadline, next);
    if (until == time_point::max()) {
        std::fprintf(stderr,
                     "seed %llu: nothing will ever happen again, and the run has not ended: a lost wake-up\n",
                     static_cast<unsigned long long>(seed_));
        std::abort();
    }
    now_ = std::max(now_, until);
}

void world::note(const char* what, std::uint64_t a, std::uint64_t b, std::uint64_t c) {
    std::uint64_t h = trace_ ^ static_cast<std::uint64_t>(now_.time_since_epoch().count());
    for (const char* p = what; *p != '\0'; ++p) { h = mix64(h + static_cast<unsigned char>(*p)); }
    for (const std::uint64_t x : {a, b, c}) { h = mix64(h ^ x) + 0x9e3779b97f4a7c15ULL; }
    trace_ = h;
    if (verbose) {
        const auto us = (now_ - start_of_time).count() / 1000;
        std::fprintf(stderr, "%10lld.%03lld ms  %-12s %llx %llx %llx\n", static_cast<long long>(us / 1000),
                     static_cast<long long>(us % 1000), what, static_cast<unsigned long long>(a),
                     static_cast<unsigned long long>(b), static_cast<unsigned long long>(c));
    }
}

} // namespace benchfs::sim

#include "conformance.hpp"

#include "benchfs/base/types.hpp"

#include <algorithm>
#include <cstring>

namespace benchfs::transport::conformance {
namespace {

constexpr std::byte guard{0xa5};
constexpr std::byte spoilt{0xee};

} // namespace

std::vector<std::byte> pattern(std::uint64_t id, std::size_t n) {
    std::vector<std::byte> bytes(n);
    for (std::size_t at = 0; at < n; at += sizeof(std::uint64_t)) {
        const std::uint64_t word = id << 24 | at / sizeof(std::uint64_t); // at most 16 MiB: 21 bits of place
        std::memcpy(bytes.data() + at, &word, std::min(sizeof word, n - at));
    }
    return bytes;
}

scattered::scattered(std::size_t bytes, prng& random) {
    std::vector<std::size_t> cuts{0, bytes};
    for (std::size_t i = random.below(8); i > 0 && bytes > 1; --i) { cuts.push_back(random.below(bytes)); }
    std::ranges::sort(cuts);
    struct piece {
        std::size_t size;
        std::size_t place;
    };
    std::vector<piece> pieces;
    for (std::size_t i = 1; i < cuts.size(); ++i) { pieces.push_back({cuts[i] - cuts[i - 1], 0}); }
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        order.insert(order.begin() + static_cast<std::ptrdiff_t>(random.below(i + 1)), i);
    }
    std::size_t end = 1 + random.below(64);
    for (const std::size_t i : order) {
        pieces[i].place = end;
        end += pieces[i].size + 1 + random.below(64);
    }
    memory_.assign(end, guard);
    for (const piece& p : pieces) {
        const byte_span here(memory_.data() + p.place, p.size);
        target_.push(here);
        source_.push(here);
    }
}

void scattered::fill(std::uint64_t id) {
    const std::vector<std::byte> flat = pattern(id, target_.bytes());
    segment_cursor<byte_span> to(target_);
    to.copy_in(flat.data(), flat.size());
}

bool scattered::holds(std::uint64_t id) const {
    std::vector<std::byte> flat(source_.bytes());
    segment_cursor<const_byte_span> from(source_);
    from.copy_out(flat.data(), flat.size());
    const std::vector<std::byte> wanted = pattern(id, flat.size());
    if (!flat.empty() && std::memcmp(flat.data(), wanted.data(), flat.size()) != 0) { return false; }
    // Nothing was stored between the pieces.
    std::vector<const_byte_span> pieces;
    for (std::size_t i = 0; i < source_.count(); ++i) { pieces.push_back(source_[i]); }
    std::ranges::sort(pieces, {}, [](const_byte_span piece) { return piece.data(); });
    pieces.emplace_back(memory_.data() + memory_.size(), std::size_t{0});
    const std::byte* gap = memory_.data();
    for (const const_byte_span piece : pieces) {
        if (!std::all_of(gap, piece.data(), [](std::byte b) { return b == guard; })) { return false; }
        gap = piece.data() + piece.size();
    }
    return true;
}

void scattered::scribble() {
    for (std::size_t i = 0; i < target_.count(); ++i) {
        std::memset(target_[i].data(), std::to_integer<int>(spoilt), target_[i].size());
    }
}

std::vector<std::byte> make_header(const frame& f, std::size_t bytes) {
    std::vector<std::byte> header = pattern(~f.id, bytes);
    BFS_ASSERT(bytes >= sizeof f);
    std::memcpy(header.data(), &f, sizeof f);
    return header;
}

bool read_header(const_byte_span header, frame& f) {
    if (!load(header, f)) { return false; }
    const std::vector<std::byte> expected = make_header(f, header.size());
    return std::ranges::equal(header, expected);
}

outgoing::outgoing(peer& owner, connection& c, const frame& f, std::size_t header_bytes,
                   std::size_t payload_bytes)
    : owner_(owner), serial_(owner.serial_of(c)), header_(make_header(f, header_bytes)) {
    header = header_;
    if (payload_bytes != 0) {
        payload_ = std::make_unique<scattered>(payload_bytes, owner.random);
        payload_->fill(f.id);
        payload = &payload_->source();
    }
    ++owner_.sending_[serial_];
}

void outgoing::make_pieces(std::uint64_t stalls) noexcept {
    if (!payload_) { return; }
    cursor_ = segment_cursor<const_byte_span>(payload_->source());
    stalls_ = stalls;
    made_bytes = static_cast<std::uint32_t>(payload_->source().bytes());
    payload = nullptr;
    maker = this;
}

bool outgoing::make(byte_span to) noexcept {
    if (stalled_) { owner_.blame("a maker that was not ready was asked again"); }
    if (!std::exchange(went_on_, false) && owner_.random.below(10) < stalls_) {
        stalled_ = went_on_ = true;
        return false;
    }
    if (cursor_.copy_out(to.data(), to.size()) != to.size()) { owner_.blame("a maker was asked for too much"); }
    return true;
}

void outgoing::complete_late() {
    if (!payload_) { return; }
    late_.resize(payload_->source().bytes());
    segment_cursor<const_byte_span>(payload_->source()).copy_out(late_.data(), late_.size());
    payload_->scribble();
    completed_ = segment_cursor<byte_span>(payload_->target());
    completer = this;
}

void outgoing::complete(std::size_t until) noexcept {
    if (done_.is_set()) { owner_.blame("a payload was completed after its end"); }
    const std::size_t done = late_.size() - completed_.remaining();
    const std::size_t end = std::min(until, late_.size());
    if (end > done) { completed_.copy_in(late_.data() + done, end - done); }
}

void outgoing::on_sent(errc outcome) noexcept {
    if (done_.is_set()) { owner_.blame("on_sent was called twice"); }
    std::ranges::fill(header_, spoilt);
    if (payload_) { payload_->scribble(); }
    if (--owner_.sending_[serial_] == 0) { owner_.sending_.erase(serial_); }
    outcome_ = outcome;
    done_.set();
}

runtime::task<status> outgoing::finish() {
    const status waited = co_await done_.wait();
    BFS_ASSERT(waited); // stopped by the watchdog: this operation never ended
    co_return outcome_;
}

incoming::incoming(std::size_t bytes, prng& random)
    : memory_(bytes, random), likes_more_(random.below(2) == 0) {
    target = &memory_.target();
}

void incoming::take_pieces(std::size_t most) noexcept {
    cursor_ = segment_cursor<byte_span>(memory_.target());
    most_ = most;
    target = nullptr;
    taker = this;
}

errc incoming::take(const_byte_span bytes) noexcept {
    if (bytes.size() > most_) { return errc::no_space; }
    most_ -= bytes.size();
    return cursor_.copy_in(bytes.data(), bytes.size()) == bytes.size() ? errc::ok : errc::bad_frame;
}

void incoming::on_received(errc outcome) noexcept {
    BFS_ASSERT(!done_.is_set());
    outcome_ = outcome;
    done_.set();
}

runtime::task<status> incoming::finish() {
    const status waited = co_await done_.wait();
    BFS_ASSERT(waited);
    co_return outcome_;
}

} // namespace benchfs::transport::conformance

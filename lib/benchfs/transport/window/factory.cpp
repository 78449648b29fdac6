#include "benchfs/transport/window/factory.hpp"

#include "benchfs/transport/window/client_end.hpp"
#include "benchfs/transport/window/server_end.hpp"
#include "benchfs/transport/window/shared_memory.hpp"
#include "benchfs/transport/window/window_set.hpp"

#include <cstring>
#include <new>

namespace benchfs::transport::window {
namespace {

/// In front of the key in an offer. The client must find the server's nonce in the memory it mapped, and write
/// its own there: only then do both know that they look at the same memory.
struct offer_header {
    std::uint64_t magic;
    nonce server_nonce;
    nonce client_nonce;
};

class factory final : public path_factory {
public:
    factory(runtime::loop& owner, std::unique_ptr<shared_context> context, const window_options& options)
        : context_(std::move(context)), set_(owner), options_(options), nonce_state_(options.seed) {}

    result<std::unique_ptr<path>> offer(path_host& host, std::vector<std::byte>& blob) override {
        std::uint64_t used = 0;
        set_.for_each([&](const window_end& end) { used += end.memory(); });
        if (used >= 2 * options_.budget) { return errc::no_memory; }
        const bool staging = used + size_with_staging <= options_.budget;

        std::vector<std::byte> key;
        BFS_TRY(auto memory, context_->allocate(staging ? size_with_staging : staging_offset, key));
        auto* shared = ::new (static_cast<void*>(memory->data())) window_memory;
        const offer_header header{window_magic, next_nonce(), next_nonce()};
        shared->magic = window_magic;
        shared->server_nonce = header.server_nonce;
        const const_byte_span raw = bytes_of(header);
        blob.assign(raw.begin(), raw.end());
        blob.insert(blob.end(), key.begin(), key.end());
        return std::unique_ptr<path>(
            std::make_unique<server_end>(set_, host, std::move(memory), header.client_nonce));
    }

    result<std::unique_ptr<path>> accept(path_host& host, const_byte_span blob) override {
        offer_header header{};
        if (!load(blob, header) || header.magic != window_magic) { return errc::bad_frame; }
        BFS_TRY(auto memory, context_->attach(blob.subspan(sizeof(header))));
        if (memory->size() != staging_offset && memory->size() != size_with_staging) { return errc::bad_frame; }
        auto* shared = reinterpret_cast<window_memory*>(memory->data());
        if (shared->magic != window_magic || shared->server_nonce != header.server_nonce) {
            return errc::not_supported; // mapped, but not the server's memory
        }
        shared->client_nonce = header.client_nonce;
        return std::unique_ptr<path>(std::make_unique<client_end>(set_, host, std::move(memory)));
    }

private:
    nonce next_nonce() noexcept {
        const std::uint64_t a = mix64(nonce_state_ += 0x9e3779b97f4a7c15ULL);
        const std::uint64_t b = mix64(nonce_state_ += 0x9e3779b97f4a7c15ULL);
        return {a, b};
    }

    std::unique_ptr<shared_context> context_;
    window_set set_;
    window_options options_;
    std::uint64_t nonce_state_;
};

} // namespace

result<std::unique_ptr<path_factory>> make_factory(runtime::loop& owner, const window_options& options) {
    BFS_TRY(auto context, shared_context::create());
    return std::unique_ptr<path_factory>(std::make_unique<factory>(owner, std::move(context), options));
}

} // namespace benchfs::transport::window

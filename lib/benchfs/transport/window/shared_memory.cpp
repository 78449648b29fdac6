#include "benchfs/transport/window/shared_memory.hpp"

#include "benchfs/base/log.hpp"

#include <ucp/api/ucp.h>

#include <cstring>

namespace benchfs::transport::window {
namespace {

/// In front of the worker address and the packed key.
struct key_header {
    std::uint64_t address; // of the memory, at the server
    std::uint64_t size;
    std::uint32_t worker_bytes;
    std::uint32_t key_bytes;
};

class ucx_context final : public shared_context {
public:
    ~ucx_context() override {
        if (worker_ != nullptr) { ucp_worker_destroy(worker_); }
        if (context_ != nullptr) { ucp_cleanup(context_); }
    }

    status open() {
        ucp_config_t* config = nullptr;
        if (ucp_config_read(nullptr, nullptr, &config) != UCS_OK) { return errc::not_supported; }
        // The user's UCX_TLS is about the network; windows always mean shared memory.
        (void)ucp_config_modify(config, "TLS", "posix,sysv,self");
        ucp_params_t params{};
        params.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_NAME;
        params.features = UCP_FEATURE_RMA;
        params.name = "benchfs-windows";
        const ucs_status_t made = ucp_init(&params, config, &context_);
        ucp_config_release(config);
        if (made != UCS_OK) { return log_failure("ucp_init", made); }

        ucp_worker_params_t worker_params{};
        worker_params.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE;
        worker_params.thread_mode = UCS_THREAD_MODE_SERIALIZED; // the C API: any thread, in turn
        if (const ucs_status_t s = ucp_worker_create(context_, &worker_params, &worker_); s != UCS_OK) {
            return log_failure("ucp_worker_create", s);
        }
        ucp_address_t* address = nullptr;
        std::size_t bytes = 0;
        if (const ucs_status_t s = ucp_worker_get_address(worker_, &address, &bytes); s != UCS_OK) {
            return log_failure("ucp_worker_get_address", s);
        }
        const auto* raw = reinterpret_cast<const std::byte*>(address);
        worker_address_.assign(raw, raw + bytes);
        ucp_worker_release_address(worker_, address);
        return ok();
    }

    result<std::unique_ptr<shared_memory>> allocate(std::size_t bytes, std::vector<std::byte>& key) override;
    result<std::unique_ptr<shared_memory>> attach(const_byte_span key) override;

    [[nodiscard]] ucp_context_h context() const noexcept { return context_; }
    [[nodiscard]] ucp_worker_h worker() const noexcept { return worker_; }

    static errc log_failure(const char* call, ucs_status_t s) {
        BFS_LOG_DEBUG("window", "%s: %s", call, ucs_status_string(s));
        return errc::not_supported;
    }

private:
    ucp_context_h context_ = nullptr;
    ucp_worker_h worker_ = nullptr;
    std::vector<std::byte> worker_address_;
};

class server_memory final : public shared_memory {
public:
    explicit server_memory(ucx_context& owner) : owner_(owner) {}
    ~server_memory() override {
        if (handle_ != nullptr) { (void)ucp_mem_unmap(owner_.context(), handle_); }
    }

    status map(std::size_t bytes) {
        ucp_mem_map_params_t params{};
        params.field_mask =
            UCP_MEM_MAP_PARAM_FIELD_ADDRESS | UCP_MEM_MAP_PARAM_FIELD_LENGTH | UCP_MEM_MAP_PARAM_FIELD_FLAGS;
        params.address = nullptr;
        params.length = bytes;
        params.flags = UCP_MEM_MAP_ALLOCATE;
        if (const ucs_status_t s = ucp_mem_map(owner_.context(), &params, &handle_); s != UCS_OK) {
            return ucx_context::log_failure("ucp_mem_map", s);
        }
        ucp_mem_attr_t attributes{};
        attributes.field_mask = UCP_MEM_ATTR_FIELD_ADDRESS;
        if (const ucs_status_t s = ucp_mem_query(handle_, &attributes); s != UCS_OK) {
            return ucx_context::log_failure("ucp_mem_query", s);
        }
        data_ = static_cast<std::byte*>(attributes.address);
        size_ = bytes;
        std::memset(data_, 0, bytes);
        return ok();
    }

    status pack(const std::vector<std::byte>& worker, std::vector<std::byte>& key) const {
        void* packed = nullptr;
        std::size_t bytes = 0;
        if (const ucs_status_t s = ucp_rkey_pack(owner_.context(), handle_, &packed, &bytes); s != UCS_OK) {
            return ucx_context::log_failure("ucp_rkey_pack", s);
        }
        const key_header header{reinterpret_cast<std::uint64_t>(data_), size_,
                                static_cast<std::uint32_t>(worker.size()), static_cast<std::uint32_t>(bytes)};
        const auto* raw_header = reinterpret_cast<const std::byte*>(&header);
        const auto* raw_key = static_cast<const std::byte*>(packed);
        key.assign(raw_header, raw_header + sizeof(header));
        key.insert(key.end(), worker.begin(), worker.end());
        key.insert(key.end(), raw_key, raw_key + bytes);
        ucp_rkey_buffer_release(packed);
        return ok();
    }

private:
    ucx_context& owner_;
    ucp_mem_h handle_ = nullptr;
};

class client_memory final : public shared_memory {
public:
    explicit client_memory(ucx_context& owner) : owner_(owner) {}
    ~client_memory() override {
        if (key_ != nullptr) { ucp_rkey_destroy(key_); }
        if (endpoint_ == nullptr) { return; }
        // Nothing was ever sent, so the flush has nothing to wait for; the bound is for a UCX that disagrees.
        ucp_request_param_t params{};
        void* closing = ucp_ep_close_nbx(endpoint_, &params);
        if (!UCS_PTR_IS_PTR(closing)) { return; }
        for (int i = 0; i < 1000 && ucp_request_check_status(closing) == UCS_INPROGRESS; ++i) {
            ucp_worker_progress(owner_.worker());
        }
        ucp_request_free(closing);
    }

    status map(const key_header& header, const std::byte* worker, const std::byte* key) {
        ucp_ep_params_t params{};
        params.field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS;
        params.address = reinterpret_cast<const ucp_address_t*>(worker);
        if (const ucs_status_t s = ucp_ep_create(owner_.worker(), &params, &endpoint_); s != UCS_OK) {
            endpoint_ = nullptr;
            return ucx_context::log_failure("ucp_ep_create", s);
        }
        if (const ucs_status_t s = ucp_ep_rkey_unpack(endpoint_, key, &key_); s != UCS_OK) {
            key_ = nullptr;
            return ucx_context::log_failure("ucp_ep_rkey_unpack", s);
        }
        void* local = nullptr;
        if (const ucs_status_t s = ucp_rkey_ptr(key_, header.address, &local); s != UCS_OK) {
            return ucx_context::log_failure("ucp_rkey_ptr", s);
        }
        data_ = static_cast<std::byte*>(local);
        size_ = header.size;
        return ok();
    }

private:
    ucx_context& owner_;
    ucp_ep_h endpoint_ = nullptr;
    ucp_rkey_h key_ = nullptr;
};

result<std::unique_ptr<shared_memory>> ucx_context::allocate(std::size_t bytes, std::vector<std::byte>& key) {
    auto memory = std::make_unique<server_memory>(*this);
    BFS_CHECK(memory->map(bytes));
    BFS_CHECK(memory->pack(worker_address_, key));
    return std::unique_ptr<shared_memory>(std::move(memory));
}

result<std::unique_ptr<shared_memory>> ucx_context::attach(const_byte_span key) {
    key_header header{};
    if (!load(key, header)) { return errc::bad_frame; }
    const std::uint64_t total = sizeof(header) + std::uint64_t{header.worker_bytes} + header.key_bytes;
    if (key.size() != total) { return errc::bad_frame; }
    auto memory = std::make_unique<client_memory>(*this);
    BFS_CHECK(
        memory->map(header, key.data() + sizeof(header), key.data() + sizeof(header) + header.worker_bytes));
    return std::unique_ptr<shared_memory>(std::move(memory));
}

} // namespace

result<std::unique_ptr<shared_context>> shared_context::create() {
    auto context = std::make_unique<ucx_context>();
    BFS_CHECK(context->open());
    return std::unique_ptr<shared_context>(std::move(context));
}

} // namespace benchfs::transport::window

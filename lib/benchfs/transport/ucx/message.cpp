#include "benchfs/transport/ucx/message.hpp"

#include "benchfs/transport/ucx/connection.hpp"
#include "benchfs/transport/ucx/status.hpp"

#include <cstring>
#include <utility>

namespace benchfs::transport::ucx {
void receive_record::run() noexcept {
    if (request != nullptr) {
        ucp_request_free(request);
        request = nullptr;
    }
    if (from != nullptr) { from->record_ = nullptr; }
    from = nullptr;
    receive_operation& done = *op;
    ucx_connection& c = *connection;
    const ucs_status_t status = outcome;
    pool.give_back(*this);
    c.on_receive_done(done, status);
}

const_byte_span ucx_message::eager() const noexcept {
    if (state_ != state::eager && state_ != state::copied) { return {}; }
    return {static_cast<const std::byte*>(data_), payload_size_};
}

void ucx_message::arrival_item::run() noexcept { self_.home_.sink_->on_arrival(self_); }

void ucx_message::attach(ucx_connection& c, intrusive_list<place>& messages) noexcept {
    connection_ = &c;
    messages.push_back(place_);
}

void ucx_message::detach() noexcept {
    place_.unlink();
    let_go(state_ == state::empty || state_ == state::taken ? state_ : state::lost);
    connection_ = nullptr;
}

void ucx_message::let_go(state next) noexcept {
    const state before = std::exchange(state_, next);
    void* data = std::exchange(data_, nullptr);
    if (before == state::copied) {
        delete[] static_cast<std::byte*>(data);
    } else if (before == state::eager || before == state::rendezvous) {
        // For a rendezvous this also tells the sender that it is over.
        ucp_am_data_release(home_.worker_->handle(), data);
        --home_.worker_->held.payloads;
    }
}

void ucx_message::release() noexcept {
    if (record_ != nullptr) { std::exchange(record_, nullptr)->from = nullptr; }
    place_.unlink();
    connection_ = nullptr;
    let_go(state::empty);
    home_.give_back(*this);
}

void ucx_message::receive(receive_operation& op) noexcept {
    const std::size_t room = op.target == nullptr ? 0 : op.target->bytes();
    if (state_ == state::lost) { return op.on_received(errc::peer_down); }
    if (state_ == state::taken || room != payload_size_) { return op.on_received(errc::invalid_argument); }
    switch (state_) {
    case state::rendezvous:
        return start_rendezvous(op);
    case state::eager:
    case state::copied: {
        segment_cursor<byte_span> cursor(*op.target);
        cursor.copy_in(static_cast<const std::byte*>(data_), payload_size_);
        let_go(state::taken);
        break;
    }
    default:
        state_ = state::taken;
        break;
    }
    op.on_received(errc::ok);
}

void ucx_message::start_rendezvous(receive_operation& op) noexcept {
    receive_record& r = *home_.take_record();
    r.connection = connection_;
    r.op = &op;
    r.from = this;
    r.outcome = UCS_OK;
    record_ = &r;
    ucp_request_param_t params{};
    params.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK | UCP_OP_ATTR_FIELD_USER_DATA | UCP_OP_ATTR_FIELD_DATATYPE;
    params.cb.recv_am = [](void* request, ucs_status_t status, std::size_t, void* user) {
        auto& record = *static_cast<receive_record*>(user);
        record.request = request;
        record.outcome = status;
        record.pool.owner()->defer(record);
    };
    params.user_data = &r;
    const std::size_t parts = join_neighbours(*op.target, r.iov);
    void* buffer = r.iov[0].buffer;
    std::size_t count = payload_size_;
    params.datatype = ucp_dt_make_contig(1);
    if (parts > 1) {
        buffer = r.iov;
        count = parts;
        params.datatype = UCP_DATATYPE_IOV;
    }
    worker& w = *home_.worker_;
    void* descriptor = std::exchange(data_, nullptr);
    state_ = state::taken;
    --w.held.payloads; // UCX owns the descriptor from here on, also when it fails
    connection_->on_receive_started();
    w.touch();
    void* request = ucp_am_recv_data_nbx(w.handle(), descriptor, buffer, count, &params);
    // A request completes through the callback, which may have run already.
    if (UCS_PTR_IS_PTR(request)) { return; }
    r.outcome = UCS_PTR_STATUS(request);
    w.defer(r);
}

void ucx_message::abandon(receive_operation& op) noexcept {
    // UCX does not take a buffer back from the network; only the end of the connection does.
    if (record_ != nullptr && record_->op == &op && connection_ != nullptr) {
        connection_->abort(errc::peer_down);
    }
}

message_pool::~message_pool() {
    while (!free_.empty()) { delete static_cast<ucx_message*>(&free_.pop_front()); }
    while (!free_records_.empty()) { delete static_cast<receive_record*>(&free_records_.pop_front()); }
}

void message_pool::retire() noexcept {
    worker_ = nullptr;
    sink_ = nullptr;
    if (live_ == 0) { delete this; }
}

ucx_message* message_pool::take() {
    if (live_ == live_max) { return nullptr; }
    ++live_;
    if (free_.empty()) { return new ucx_message(*this); }
    return static_cast<ucx_message*>(&free_.pop_front());
}

void message_pool::give_back(ucx_message& m) noexcept {
    --live_;
    free_.push_front(m); // the warmest first
    if (worker_ == nullptr && live_ == 0) { delete this; }
}

receive_record* message_pool::take_record() {
    if (free_records_.empty()) { return new receive_record(*this); }
    return static_cast<receive_record*>(&free_records_.pop_front());
}

ucs_status_t message_pool::accept(const wire_prefix& prefix, const_byte_span rest, void* data, std::size_t size,
                                  std::uint64_t attributes) noexcept {
    ucx_message* m = take();
    if (m == nullptr) { return UCS_ERR_NO_MEMORY; }
    m->prefix_ = prefix;
    m->payload_size_ = size;
    m->header_size_ = static_cast<std::uint32_t>(rest.size());
    if (!rest.empty()) { std::memcpy(m->header_, rest.data(), rest.size()); }
    // Counted from one: tokens with the highest bit set belong to windows.
    m->token_ = (prefix.flags & flag_wants_reply) != 0 ? ++tokens_ : 0;
    m->state_ = ucx_message::state::empty;
    ucs_status_t answer = UCS_OK;
    if (size != 0 && (attributes & UCP_AM_RECV_ATTR_FLAG_RNDV) != 0) {
        m->state_ = ucx_message::state::rendezvous;
    } else if (size != 0 && (attributes & UCP_AM_RECV_ATTR_FLAG_DATA) != 0) {
        m->state_ = ucx_message::state::eager;
    } else if (size != 0) {
        // Not seen with UCP_AM_FLAG_PERSISTENT_DATA, but allowed: the data is gone when the callback returns.
        auto* copy = new std::byte[size];
        std::memcpy(copy, data, size);
        m->state_ = ucx_message::state::copied;
        m->data_ = copy;
    }
    if (m->state_ == ucx_message::state::eager || m->state_ == ucx_message::state::rendezvous) {
        m->data_ = data;
        ++worker_->held.payloads;
        answer = UCS_INPROGRESS;
    }
    worker_->touch();
    worker_->defer(m->arrival_);
    return answer;
}

} // namespace benchfs::transport::ucx

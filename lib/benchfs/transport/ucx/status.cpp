#include "benchfs/transport/ucx/status.hpp"

namespace benchfs::transport::ucx {

errc to_errc(ucs_status_t status) noexcept {
    switch (status) {
    case UCS_OK:
        return errc::ok;
    case UCS_INPROGRESS:
    case UCS_ERR_NO_PROGRESS:
        return errc::try_again;
    case UCS_ERR_NO_MEMORY:
    case UCS_ERR_NO_RESOURCE:
    case UCS_ERR_EXCEEDS_LIMIT:
        return errc::no_memory;
    case UCS_ERR_BUSY:
        return errc::busy;
    case UCS_ERR_INVALID_PARAM:
    case UCS_ERR_INVALID_ADDR:
        return errc::invalid_argument;
    case UCS_ERR_CANCELED:
        return errc::cancelled;
    case UCS_ERR_TIMED_OUT:
        return errc::timed_out;
    case UCS_ERR_UNSUPPORTED:
    case UCS_ERR_NOT_IMPLEMENTED:
    case UCS_ERR_NO_DEVICE:
        return errc::not_supported;
    case UCS_ERR_MESSAGE_TRUNCATED:
    case UCS_ERR_BUFFER_TOO_SMALL:
        return errc::message_too_long;
    case UCS_ERR_ALREADY_EXISTS:
        return errc::already_exists;
    case UCS_ERR_OUT_OF_RANGE:
        return errc::out_of_range;
    case UCS_ERR_NO_MESSAGE:
    case UCS_ERR_NO_ELEM:
        return errc::not_found;
    // A lost peer shows under many names; which one depends on the transport and on who noticed first.
    case UCS_ERR_UNREACHABLE:
    case UCS_ERR_NOT_CONNECTED:
    case UCS_ERR_CONNECTION_RESET:
    case UCS_ERR_ENDPOINT_TIMEOUT:
    case UCS_ERR_REJECTED:
    case UCS_ERR_SOME_CONNECTS_FAILED:
    case UCS_ERR_IO_ERROR:
        return errc::peer_down;
    default:
        break;
    }
    // Ranges that UCX keeps for links and endpoints that failed.
    if (UCS_IS_LINK_ERROR(status) || UCS_IS_ENDPOINT_ERROR(status)) { return errc::peer_down; }
    return status > 0 ? errc::try_again : errc::io_error;
}

} // namespace benchfs::transport::ucx

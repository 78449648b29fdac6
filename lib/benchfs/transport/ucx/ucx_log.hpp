// UCX's own log lines, which it would write to standard output, as lines of ours.
//
// Users who set UCX_LOG_LEVEL or UCX_LOG_FILE want UCX's log as it is, and get it.
#pragma once

namespace benchfs::transport::ucx {

/// From here on, for the whole process, UCX's lines are debug lines (fatal ones: errors): what matters of a
/// lost peer the transport says itself.
void adopt_ucx_log() noexcept;

/// While it lives UCX's lines are warnings: they say why a context cannot be made.
class loud_ucx_log {
public:
    loud_ucx_log() noexcept;
    ~loud_ucx_log();
    loud_ucx_log(const loud_ucx_log&) = delete;
    loud_ucx_log& operator=(const loud_ucx_log&) = delete;

private:
    bool pushed_;
};

} // namespace benchfs::transport::ucx

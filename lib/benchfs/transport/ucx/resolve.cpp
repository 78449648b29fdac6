#include "benchfs/transport/ucx/resolve.hpp"

#include <array>

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace benchfs::transport::ucx {

std::vector<std::string> resolve(const std::string& host, std::string& why) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM; // else each address comes once a protocol
    addrinfo* found = nullptr;
    if (const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); code != 0) {
        why = "the host name " + host + " cannot be resolved here: " + ::gai_strerror(code);
        return {};
    }
    std::vector<std::string> numeric;
    for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (::getnameinfo(a->ai_addr, a->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
            numeric.emplace_back(text.data());
        }
    }
    ::freeaddrinfo(found);
    if (numeric.empty()) { why = "the host name " + host + " has no IPv4 address"; }
    return numeric;
}

} // namespace benchfs::transport::ucx

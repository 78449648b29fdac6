// An environment variable with another value for one scope.
#pragma once

#include <cstdlib>
#include <string>

namespace benchfs::transport::ucx {

class variable {
public:
    variable(const char* name, const char* value) : name_(name) {
        const char* old = std::getenv(name);
        had_ = old != nullptr;
        if (had_) { old_ = old; }
        ::setenv(name, value, 1);
    }
    ~variable() {
        if (had_) {
            ::setenv(name_, old_.c_str(), 1);
        } else {
            ::unsetenv(name_);
        }
    }

private:
    const char* name_;
    bool had_ = false;
    std::string old_;
};

} // namespace benchfs::transport::ucx

// Embedded file systems and scratch directories for tests.
#pragma once

#include "benchfs/api/benchfs.hpp"

#include "catch.hpp"

#include <filesystem>
#include <memory>
#include <stdlib.h>
#include <string>

namespace benchfs::test {

/// A directory that goes with the test.
struct scratch {
    scratch() : path(std::filesystem::temp_directory_path() / "benchfs-api-XXXXXX") {
        REQUIRE(::mkdtemp(path.data()) != nullptr);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::string path;
};

[[nodiscard]] inline std::unique_ptr<mounted> embed(const std::string& dir) {
    std::string why;
    auto made = embedded(dir, why);
    INFO(why);
    REQUIRE(made);
    return std::move(*made);
}

} // namespace benchfs::test

// Copies files and trees from one place to another: several at a time, checked by checksum, resumable.
#pragma once

#include "place.hpp"

#include "benchfs/runtime/semaphore.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace benchfs::cli {

struct transfer_options {
    bool verify = true;     // every byte is checked by checksum, by a place itself or by reading it back
    bool read_back = false; // by reading it back in any case
    bool resume = false;    // keep what is at the target already
    std::size_t files_at_once = 8;
    std::size_t pieces_at_once = 8; // of one file; of all together, too, unless there are more files at once
};

/// Grows while the transfer runs.
struct transfer_counts {
    std::uint64_t files = 0; // to be copied
    std::uint64_t bytes = 0;
    std::uint64_t files_done = 0;
    std::uint64_t bytes_done = 0; // sent or kept
    std::uint64_t bytes_sent = 0;
    std::uint64_t bytes_kept = 0; // were at the target already
    std::uint64_t directories = 0;
    std::uint64_t symlinks = 0;
    std::uint64_t failed = 0;
};

class transfer {
public:
    /// Hears of each fault: the path, the error, and what to say beside it.
    using reporter = std::function<void(const std::string& path, errc error, std::string_view hint)>;
    /// Hears of each file that is complete.
    using witness = std::function<void(const item& source, const std::string& target)>;

    /// The places outlive it.
    transfer(place& from, place& to, const transfer_options& options, reporter report, witness done = {})
        : from_(from),
          to_(to),
          options_(options),
          report_(std::move(report)),
          done_(std::move(done)),
          pieces_(std::max(options.pieces_at_once, options.files_at_once)) {}

    /// Takes a file or a tree in, to become `target`. An error is the source's, and not reported yet.
    [[nodiscard]] task<status> add(std::string source, std::string target);
    /// Copies all that was taken in. A fault of one file is reported and the others go on; what would fail all
    /// (no space, no server, Ctrl-C) ends it and is the result.
    [[nodiscard]] task<status> run();

    [[nodiscard]] const transfer_counts& counts() const noexcept { return counts_; }

private:
    struct job {
        item source;
        std::string target;
        bool made = false; // a directory that was not there
    };
    struct open_pair;

    [[nodiscard]] task<status> make_directories();
    [[nodiscard]] task<status> copy_file(const job& one);
    [[nodiscard]] task<status> copy_piece(open_pair& pair, std::uint64_t offset, std::size_t size);
    [[nodiscard]] task<status> make_links();
    [[nodiscard]] status failed(const job& one, errc error, std::string_view hint = {});

    [[nodiscard]] std::unique_ptr<std::byte[]> take_memory();
    void give_back(std::unique_ptr<std::byte[]> memory) { memory_.push_back(std::move(memory)); }

    place& from_;
    place& to_;
    transfer_options options_;
    reporter report_;
    witness done_;
    transfer_counts counts_;
    std::vector<job> directories_;
    std::vector<job> files_;
    std::vector<job> links_;
    std::vector<std::unique_ptr<std::byte[]>> memory_; // free pieces
    runtime::semaphore pieces_;                        // on their way
};

} // namespace benchfs::cli

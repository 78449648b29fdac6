// Transparent huge pages for large memory that is touched all over.
//
// Where a hypervisor translates addresses a second time they count double: on one such machine the first touch
// of 4 KiB pages cost 700 to 900 us a MiB and a copy into them 105 to 130, with huge pages 130 to 160 and 53
// to 58.
#pragma once

#include <cstddef>

namespace benchfs::runtime {

inline constexpr std::size_t huge_page_size = std::size_t{2} << 20;

/// Asks the kernel to back this mapping with huge pages, which start at multiples of huge_page_size. False
/// where the machine has none to give (switched to "never", or another kernel): the mapping works as before.
/// Then each first touch clears a whole huge page.
[[nodiscard]] bool use_huge_pages(std::byte* from, std::size_t bytes) noexcept;

} // namespace benchfs::runtime

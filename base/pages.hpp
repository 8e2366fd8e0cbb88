// SPDX-License-Identifier: BSD-3-Clause
// Pages: memory straight from the operating system, for what must go back to it for certain.
#pragma once

#include <cstddef>

namespace gman {

/// Zeroed, page-aligned memory. Throws std::bad_alloc when there is none.
[[nodiscard]] void* map_pages(std::size_t bytes);
// Requires: the mapping, whole, as map_pages gave it.
void unmap_pages(void* start, std::size_t bytes);
/// Has the memory ready: one call, where touching the pages would be an exception each, which cost
/// much more in virtual machines. Linux before 5.14 does nothing.
void populate_pages(void* start, std::size_t bytes);
/// The same, and writes to each page, since a virtual machine's host may have its own exception for
/// the first one.
void touch_pages(void* start, std::size_t bytes);
/// Gives the memory back and keeps the addresses: what is read there next is zero.
void discard_pages(void* start, std::size_t bytes);

}  // namespace gman

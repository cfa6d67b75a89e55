// What a hardened process is like. Each test body runs in a child: hardening cannot be undone.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/host/process.hpp"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cstdlib>

namespace sealmount {

namespace {

void exit_with_what_is_wrong() {
    harden_process();
    ::rlimit core = {.rlim_cur = 1, .rlim_max = 1};
    ::getrlimit(RLIMIT_CORE, &core);
    const bool dumpable = ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0;
    const bool cores = core.rlim_cur != 0 || core.rlim_max != 0;
    const bool open_umask = ::umask(0) != 077;
    ::_exit((dumpable ? 1 : 0) | (cores ? 2 : 0) | (open_umask ? 4 : 0));
}

TEST(ProcessDeathTest, HardenedProcessLeavesNothingToOthers) {
    EXPECT_EXIT(exit_with_what_is_wrong(), ::testing::ExitedWithCode(0), "");
}

void exit_with_one_if_freed_memory_is_legible() {
    harden_process();
    constexpr std::size_t size = 8192; // as large as the buffers of tpm2-tss
    auto* volatile block = static_cast<volatile char*>(std::malloc(size));
    block[size / 2] = 's';
    const auto place = reinterpret_cast<std::uintptr_t>(block + size / 2);
    std::free(const_cast<char*>(block));
    ::_exit(*reinterpret_cast<volatile char*>(place) == 's' ? 1 : 0);
}

TEST(ProcessDeathTest, FreedMemoryIsOverwritten) {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer has an allocator of its own";
#endif
    EXPECT_EXIT(exit_with_one_if_freed_memory_is_legible(), ::testing::ExitedWithCode(0), "");
}

} // namespace

} // namespace sealmount

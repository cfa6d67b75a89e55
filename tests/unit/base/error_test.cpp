// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/error.hpp"

#include "unit/vectors.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace sealmount {

using test::error_of;

TEST(ErrorTest, PlaceStandsBeforeTheMessage) {
    const Error error = Error{Reason::refused, "no"}.in("/etc/file");
    EXPECT_STREQ(error.what(), "/etc/file: no");
    EXPECT_EQ(error.reason(), Reason::refused);
}

TEST(ErrorTest, ErrnoIsNamed) {
    EXPECT_STREQ(error_of([] { throw_errno(ENOENT, "open /x"); }).what(),
                 "open /x: No such file or directory");
}

struct ErrnoCase {
    const char* name;
    int number;
    Reason reason;
};

class ErrnoTest : public testing::TestWithParam<ErrnoCase> {};

TEST_P(ErrnoTest, DecidesTheReason) {
    EXPECT_EQ(error_of([] { throw_errno(GetParam().number, "x"); }).reason(), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(Table, ErrnoTest,
                         testing::Values(ErrnoCase{"ENOENT", ENOENT, Reason::no_input},
                                         ErrnoCase{"EACCES", EACCES, Reason::refused},
                                         ErrnoCase{"EPERM", EPERM, Reason::refused},
                                         ErrnoCase{"EROFS", EROFS, Reason::cannot_create},
                                         ErrnoCase{"ENOSPC", ENOSPC, Reason::cannot_create},
                                         ErrnoCase{"EDQUOT", EDQUOT, Reason::cannot_create},
                                         ErrnoCase{"EBUSY", EBUSY, Reason::try_later},
                                         ErrnoCase{"EAGAIN", EAGAIN, Reason::try_later},
                                         ErrnoCase{"EIO", EIO, Reason::io},
                                         ErrnoCase{"EINVAL", EINVAL, Reason::os}),
                         [](const auto& entry) { return entry.param.name; });

} // namespace sealmount

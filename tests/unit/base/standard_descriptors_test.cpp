// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/standard_descriptors.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <initializer_list>
#include <sys/wait.h>
#include <unistd.h>

namespace sealmount {

namespace {

/// The number that the next file gets in a program that was started without these descriptors.
int next_number_without(const std::initializer_list<int> closed) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        for (const int fd : closed) {
            ::close(fd);
        }
        open_standard_descriptors();
        ::_exit(::open("/dev/null", O_RDONLY));
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

bool is_lost_with_output(const char* const file) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::close(STDOUT_FILENO);
        if (file != nullptr) {
            static_cast<void>(::open(file, O_WRONLY));
        }
        ::_exit(is_output_lost() ? 1 : 0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WEXITSTATUS(status) == 1;
}

} // namespace

TEST(StandardDescriptorsTest, NoFileGetsTheirNumbers) {
    EXPECT_GT(next_number_without({}), 2);
    EXPECT_GT(next_number_without({0}), 2);
    EXPECT_GT(next_number_without({1}), 2);
    EXPECT_GT(next_number_without({2}), 2);
    EXPECT_GT(next_number_without({0, 2}), 2);
    EXPECT_GT(next_number_without({0, 1, 2}), 2);
}

TEST(StandardDescriptorsTest, AnOutputThatLeadsNowhereIsNoticed) {
    EXPECT_TRUE(is_lost_with_output(nullptr));
    EXPECT_TRUE(is_lost_with_output("/dev/null"));
    EXPECT_FALSE(is_lost_with_output("/dev/zero"));
}

} // namespace sealmount

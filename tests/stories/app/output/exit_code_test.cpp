// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/output/exit_code.hpp"
#include "app/output/hints.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sealmount::testing {

namespace {

TEST(ExitCodeTest, EveryReasonHasASysexitsCode) {
    for (int reason = 0; reason <= static_cast<int>(Reason::internal); ++reason) {
        const int code = exit_code(static_cast<Reason>(reason));
        EXPECT_GE(code, 64);
        EXPECT_LE(code, 78);
    }
}

TEST(ExitCodeTest, EveryRefusalHasACodeASentenceAndAHint) {
    for (int kind = 0; kind <= static_cast<int>(RefusalKind::no_prompt); ++kind) {
        const auto refusal = static_cast<RefusalKind>(kind);
        EXPECT_GE(exit_code(refusal), 64) << kind;
        EXPECT_NE(exit_code(refusal), 70) << kind;
        EXPECT_FALSE(std::string{describe(refusal)}.empty()) << kind;
        EXPECT_FALSE(hint_for(refusal, "default").empty()) << kind;
    }
}

} // namespace

} // namespace sealmount::testing

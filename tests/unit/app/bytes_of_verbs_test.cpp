// Names may be any bytes. JSON may not: a document that is asked for is a document whatever a verb is given.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "app/command.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <vector>

namespace sealmount {
namespace {

constexpr const char* odd_bytes = "v\xff\xc3x";

TEST(BytesOfVerbsTest, JsonIsValidWhateverIsNamed) {
    std::string root = (std::filesystem::temp_directory_path() / "sealmount-bytes.XXXXXX").string();
    ASSERT_NE(::mkdtemp(root.data()), nullptr);
    std::filesystem::create_directory(std::filesystem::path{root} / "etc");
    Globals globals;
    const Program program = program_of(globals);
    for (const DeclaredVerb& verb : program.table.verbs) {
        const std::vector<const char*> words = {"sealmount",  "--json",          "--root",
                                                root.c_str(), verb.name.c_str(), odd_bytes};
        testing::internal::CaptureStdout();
        testing::internal::CaptureStderr();
        const int status = command(static_cast<int>(words.size()), words.data());
        static_cast<void>(testing::internal::GetCapturedStderr());
        const std::string output = testing::internal::GetCapturedStdout();
        EXPECT_NE(status, 0) << verb.name;
        EXPECT_NE(status, 70) << verb.name << ": " << output;
        EXPECT_TRUE(nlohmann::json::accept(output)) << verb.name << ": " << output;
    }
    std::filesystem::remove_all(root);
}

} // namespace
} // namespace sealmount

// Runs a fuzz target once for each file in its arguments: a test without libFuzzer.
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        const std::ifstream file{argv[i], std::ios::binary};
        std::ostringstream text;
        text << file.rdbuf();
        const std::string contents = text.str();
        if (!file) {
            std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 66;
        }
        LLVMFuzzerTestOneInput(reinterpret_cast<const unsigned char*>(contents.data()), contents.size());
    }
    std::printf("%d inputs\n", argc - 1);
    return argc > 1 ? 0 : 64;
}

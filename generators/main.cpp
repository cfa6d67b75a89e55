// sealmount-generator: called by systemd before almost everything, with the three directories of
// systemd.generator(7).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "base/standard_descriptors.hpp"
#include "base/unique_fd.hpp"
#include "write_units.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <string>
#include <string_view>

namespace {

/// The kernel's log takes records of about 1000 bytes and refuses longer ones.
constexpr std::size_t longest_record = 900;

/// Writes to the kernel's log, as no journal runs yet; to standard error when the caller is not systemd.
void report(std::string message, bool to_kernel_log) {
    std::ranges::replace_if(
        message, [](char c) { return c == '\n' || c == '\0'; }, ' ');
    message = "sealmount-generator: " + message;
    const sealmount::UniqueFd log{to_kernel_log ? ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY) : -1};
    if (log) {
        const std::string record = "<3>" + message.substr(0, longest_record) + "\n";
        if (::write(log.get(), record.data(), record.size()) >= 0) {
            return;
        }
    }
    std::fprintf(stderr, "%s\n", message.c_str());
}

constexpr const char* usage = "requires three directories: [--root DIR] NORMAL EARLY LATE, or [--root DIR] "
                              "--problems [--after-boot]; see sealmount-generator(8)";

/// Whether there were any problems, as an exit status.
template<typename Work>
int run(const Work& work, const bool to_kernel_log) {
    int status = EX_OK;
    try {
        for (const std::string& problem : work()) {
            report(problem, to_kernel_log);
            status = EX_CONFIG;
        }
    } catch (const std::exception& error) {
        report(error.what(), to_kernel_log);
        status = EX_SOFTWARE;
    }
    return status;
}

/// --problems, and perhaps --after-boot.
bool is_for_problems(const std::span<char*> arguments) {
    return (arguments.size() == 2 || arguments.size() == 3) &&
           std::string_view{arguments[1]} == "--problems" &&
           (arguments.size() == 2 || std::string_view{arguments[2]} == "--after-boot");
}

} // namespace

int main(int argc, char** argv) {
    sealmount::open_standard_descriptors();
    std::span<char*> arguments{argv, static_cast<std::size_t>(argc)};
    std::string root = "/";
    bool by_systemd = true;
    if (arguments.size() > 2 && std::string_view{arguments[1]} == "--root") {
        root = arguments[2];
        by_systemd = false;
        arguments = arguments.subspan(2);
    }
    const sealmount::Paths paths{root};
    ::umask(0022);
    if (is_for_problems(arguments)) {
        if (arguments.size() == 3) {
            ::unlink(paths.booting().c_str());
        }
        return run([&] { return sealmount::problems_of_units(paths); }, false);
    }
    if (arguments.size() != 4) {
        report(usage, false);
        return EX_USAGE;
    }
    return run([&] { return sealmount::write_units(paths, arguments[3]); }, by_systemd);
}

// measure RUNS [--stdin FILE] [--before COMMAND] -- PROGRAM [ARGUMENT...] [-- PROGRAM [ARGUMENT...]]...
//
// Runs the programs one after the other, RUNS times, and prints a line for each time: microseconds of CPU
// time of all of them together (user and system, with their own children), and the most memory that one of
// them held, in KiB. What --before names runs before each time, by the shell, and is not counted. An argument
// that begins with "@/" stands for what is in that file. Static and small, because a process begins with the
// memory of the one that started it (getrusage(2), ru_maxrss).
//
// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr int most_programs = 8;

[[noreturn]] void give_up(const char* const what) {
    std::perror(what);
    std::exit(1);
}

/// What is in a file, without a line end; never freed.
char* contents_of(const char* const file) {
    constexpr long longest = 65536;
    auto* const text = static_cast<char*>(std::calloc(1, longest + 1));
    const int fd = ::open(file, O_RDONLY | O_CLOEXEC);
    const long size = fd < 0 || text == nullptr ? -1 : ::read(fd, text, longest);
    if (size < 0) {
        give_up(file);
    }
    ::close(fd);
    if (size > 0 && text[size - 1] == '\n') {
        text[size - 1] = '\0';
    }
    return text;
}

struct Cost {
    long microseconds = 0;
    long kibibytes = 0;
};

Cost run(char** const words, const char* const input) {
    const pid_t child = ::vfork();
    if (child < 0) {
        give_up("vfork");
    }
    if (child == 0) {
        const int in = ::open(input, O_RDONLY);
        const int out = ::open("/dev/null", O_WRONLY);
        if (in < 0 || out < 0 || ::dup2(in, 0) < 0 || ::dup2(out, 1) < 0) {
            ::_exit(126);
        }
        ::close(in);
        ::close(out);
        ::execvp(words[0], words);
        ::_exit(127);
    }
    int status = 0;
    struct rusage usage = {};
    if (::wait4(child, &status, 0, &usage) != child) {
        give_up("wait4");
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::fprintf(stderr, "measure: %s failed (%d)\n", words[0], status);
        std::exit(1);
    }
    return {.microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000L +
                            usage.ru_utime.tv_usec + usage.ru_stime.tv_usec,
            .kibibytes = usage.ru_maxrss};
}

} // namespace

int main(const int argc, char** const argv) {
    const char* input = "/dev/null";
    const char* before = nullptr;
    char** programs[most_programs] = {};
    int count = 0;
    for (int i = 2; i < argc; ++i) {
        if (count == 0 && std::strcmp(argv[i], "--stdin") == 0 && i + 1 < argc) {
            input = argv[++i];
        } else if (count == 0 && std::strcmp(argv[i], "--before") == 0 && i + 1 < argc) {
            before = argv[++i];
        } else if (std::strcmp(argv[i], "--") == 0 && count < most_programs && i + 1 < argc) {
            argv[i] = nullptr; // the end of the words before
            programs[count++] = argv + i + 1;
        } else if (count > 0 && argv[i][0] == '@' && argv[i][1] == '/') {
            argv[i] = contents_of(argv[i] + 1);
        }
    }
    const int runs = argc > 1 ? std::atoi(argv[1]) : 0;
    if (count == 0 || runs < 1) {
        std::fputs("measure RUNS [--stdin FILE] [--before COMMAND] -- PROGRAM [ARGUMENT...]\n", stderr);
        return 64;
    }
    for (int n = 0; n < runs; ++n) {
        if (before != nullptr && std::system(before) != 0) {
            std::fprintf(stderr, "measure: '%s' failed\n", before);
            return 1;
        }
        Cost all;
        for (int i = 0; i < count; ++i) {
            const Cost one = run(programs[i], input);
            all.microseconds += one.microseconds;
            all.kibibytes = one.kibibytes > all.kibibytes ? one.kibibytes : all.kibibytes;
        }
        std::printf("%ld %ld\n", all.microseconds, all.kibibytes);
    }
    return 0;
}

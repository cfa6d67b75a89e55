// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
// find_bytes FILE <NEEDLES: where in FILE (a memory dump, a disk) something of the needles is. NEEDLES has
// lines "NAME HEX". Looked for are the bytes themselves, their hex digits in both cases, and their base64 at
// each alignment, each cut into pieces of eight bytes or more, so that a copy whose beginning was overwritten
// is found as well: every run of 15 bytes holds a piece. Output: "NAME FORM OFFSET FROM-TO", FROM-TO being
// the part of the form that is there; exit status 0 when all of FILE was read, found or not.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <iostream>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace {

struct Form {
    std::string name;
    std::string text;
};

constexpr std::size_t piece = 8;

std::string hex(const std::string& bytes, const char* const digits) {
    std::string text;
    for (const unsigned char byte : bytes) {
        text += digits[byte >> 4U];
        text += digits[byte & 15U];
    }
    return text;
}

std::string base64(const std::string_view bytes) {
    static constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t at = 0; at + 3 <= bytes.size(); at += 3) {
        const unsigned group = static_cast<unsigned char>(bytes[at]) << 16U |
                               static_cast<unsigned char>(bytes[at + 1]) << 8U |
                               static_cast<unsigned char>(bytes[at + 2]);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) {
            text += alphabet[group >> shift & 63U];
        }
    }
    return text;
}

std::vector<Form> read_needles() {
    std::vector<Form> forms;
    std::string name;
    std::string digits;
    while (std::cin >> name >> digits) {
        std::string bytes;
        for (std::size_t at = 0; at + 2 <= digits.size(); at += 2) {
            bytes += static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16));
        }
        forms.push_back({name + " raw", bytes});
        forms.push_back({name + " hex", hex(bytes, "0123456789abcdef")});
        forms.push_back({name + " HEX", hex(bytes, "0123456789ABCDEF")});
        for (const std::size_t skip : {0U, 1U, 2U}) {
            forms.push_back({name + " base64", base64(std::string_view{bytes}.substr(skip))});
        }
    }
    return forms;
}

std::uint64_t word_at(const char* const at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
}

struct Piece {
    const Form* form;
    std::size_t at;
};

// How far form and file agree around a piece.
void report(const std::string_view file, const std::size_t offset, const Piece& found,
            std::size_t& reported_to) {
    const std::string& text = found.form->text;
    std::size_t from = found.at;
    std::size_t begin = offset;
    while (from > 0 && begin > 0 && file[begin - 1] == text[from - 1]) {
        --from;
        --begin;
    }
    std::size_t to = found.at;
    std::size_t end = offset;
    while (to < text.size() && end < file.size() && file[end] == text[to]) {
        ++to;
        ++end;
    }
    // Two forms can agree on their first digits: the longer one may follow at the same place.
    if (begin >= reported_to) {
        std::printf("%s 0x%zx %zu-%zu/%zu\n", found.form->name.c_str(), begin, from, to, text.size());
        reported_to = end;
    }
}

} // namespace

int main(const int argc, const char* const* const argv) {
    if (argc != 2) {
        return 64;
    }
    const std::vector<Form> forms = read_needles();
    std::unordered_multimap<std::uint64_t, Piece> pieces;
    std::vector<bool> starts(
        65536); // the first two bytes of all pieces: rules out nearly every place at once
    for (const Form& form : forms) {
        for (std::size_t at = 0; at + piece <= form.text.size(); at += piece) {
            const std::uint64_t word = word_at(form.text.data() + at);
            pieces.emplace(word, Piece{&form, at});
            starts[word & 0xffffU] = true;
        }
    }
    const int fd = ::open(argv[1], O_RDONLY);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0) {
        std::perror(argv[1]);
        return 1;
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* const mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (pieces.empty() || size < piece || mapped == MAP_FAILED) {
        std::fprintf(stderr, "find_bytes: nothing to look for, or nowhere to look\n");
        return 1;
    }
    const std::string_view file{static_cast<const char*>(mapped), size};
    std::size_t reported_to = 0;
    for (std::size_t offset = 0; offset + piece <= size; ++offset) {
        const std::uint64_t word = word_at(file.data() + offset);
        if (!starts[word & 0xffffU]) {
            continue;
        }
        const auto [first, last] = pieces.equal_range(word);
        for (auto found = first; found != last; ++found) {
            report(file, offset, found->second, reported_to);
        }
    }
}

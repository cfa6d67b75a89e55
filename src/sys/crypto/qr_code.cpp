// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/crypto/qr_code.hpp"

#include <qrencode.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace sealmount {

namespace {

constexpr int margin = 4; // ISO/IEC 18004
constexpr std::string_view white_on_black = "\033[40;37;1m";
constexpr std::string_view as_before = "\033[0m\n";
constexpr std::size_t longest_block = 3;

/// The code is as secret as its text.
struct WipeAndFree {
    void operator()(QRcode* const code) const noexcept {
        const auto size = static_cast<std::size_t>(code->width) * static_cast<std::size_t>(code->width);
        wipe(std::as_writable_bytes(std::span{code->data, size}));
        ::QRcode_free(code);
    }
};

bool is_white(const QRcode& code, const int x, const int y) {
    const bool inside = x >= 0 && y >= 0 && x < code.width && y < code.width;
    return !inside || (code.data[y * code.width + x] & 1U) == 0;
}

/// Two modules, one above the other.
std::string_view block(const bool above, const bool below) {
    if (above) {
        return below ? "\u2588" : "\u2580";
    }
    return below ? "\u2584" : " ";
}

} // namespace

std::optional<SecretBytes> qr_code_for_terminal(const SecretBytes& text) {
    const std::unique_ptr<QRcode, WipeAndFree> code{
        ::QRcode_encodeData(static_cast<int>(text.size()),
                            reinterpret_cast<const unsigned char*>(text.bytes().data()), 0, QR_ECLEVEL_L)};
    if (code == nullptr) {
        return std::nullopt;
    }
    const auto side =
        static_cast<std::size_t>(code->width) + std::size_t{2} * static_cast<std::size_t>(margin);
    SecretBytes lines{(side + 1) / 2 * (side * longest_block + white_on_black.size() + as_before.size())};
    std::size_t at = 0;
    const auto append = [&](const std::string_view text_part) {
        std::ranges::copy(std::as_bytes(std::span{text_part}), lines.bytes().subspan(at).begin());
        at += text_part.size();
    };
    for (int y = -margin; y < code->width + margin; y += 2) {
        append(white_on_black);
        for (int x = -margin; x < code->width + margin; ++x) {
            append(block(is_white(*code, x, y), is_white(*code, x, y + 1)));
        }
        append(as_before);
    }
    lines.shrink(at);
    return lines;
}

} // namespace sealmount

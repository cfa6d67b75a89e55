// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "sys/tpm/srk_name.hpp"

#include "base/format.hpp"
#include "base/hex.hpp"
#include "sys/crypto/crypto.hpp"

namespace sealmount {

namespace {

constexpr std::size_t algorithm_digits = 4; // in front of the digest
constexpr std::size_t group_digits = 4;
constexpr std::size_t groups = 4;
constexpr std::size_t size_field = 2;
constexpr std::size_t name_algorithm_at = 4; // behind the size and the type

unsigned number_at(const BytesView bytes, const std::size_t offset) {
    return std::to_integer<unsigned>(bytes[offset]) << 8 | std::to_integer<unsigned>(bytes[offset + 1]);
}

} // namespace

std::string short_form(const TpmName& name) {
    const std::string digits = to_hex(name);
    if (digits.size() < algorithm_digits + groups * group_digits) {
        return digits;
    }
    std::string text;
    for (std::size_t group = 0; group < groups; ++group) {
        text +=
            formatted("{}{}", group == 0 ? "" : "-",
                      std::string_view{digits}.substr(algorithm_digits + group * group_digits, group_digits));
    }
    return text;
}

Refusal another_srk(const TpmName& expected, const TpmName& found) {
    return {.kind = RefusalKind::srk_changed,
            .detail = formatted("expected the key {}, found {}", to_hex(expected), to_hex(found))};
}

std::optional<TpmName> name_of_public(const BytesView tpm2b_public) {
    constexpr unsigned sha256_algorithm = 0x000b;
    if (tpm2b_public.size() < name_algorithm_at + 2 ||
        number_at(tpm2b_public, 0) != tpm2b_public.size() - size_field ||
        number_at(tpm2b_public, name_algorithm_at) != sha256_algorithm) {
        return std::nullopt;
    }
    TpmName name = {std::byte{0x00}, std::byte{0x0b}};
    const auto digest = sha256({tpm2b_public.subspan(size_field)});
    name.insert(name.end(), digest.begin(), digest.end());
    return name;
}

} // namespace sealmount

// SPDX-License-Identifier: LGPL-2.1-or-later
// Copyright (C) the sealmount authors
#include "core/events/efi_variable.hpp"

#include "base/byte_reader.hpp"
#include "base/error.hpp"
#include "base/format.hpp"
#include "base/hex.hpp"

#include <algorithm>

namespace sealmount {

namespace {

/// For each byte of the text, where it is in memory.
constexpr std::array<std::size_t, 16> guid_order = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

void append(Bytes& out, const BytesView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void append_u64(Bytes& out, const std::uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        out.push_back(static_cast<std::byte>(value >> shift));
    }
}

} // namespace

std::string to_string(const Guid& guid) {
    Bytes ordered;
    for (const std::size_t at : guid_order) {
        ordered.push_back(guid[at]);
    }
    std::string text = to_hex(ordered);
    for (const std::size_t at : {20U, 16U, 12U, 8U}) {
        text.insert(at, 1, '-');
    }
    return text;
}

Guid guid_of(const std::string_view text) {
    std::string digits{text};
    std::erase(digits, '-');
    const auto bytes = from_hex(digits);
    if (!bytes || bytes->size() != guid_order.size()) {
        throw Error{Reason::internal, formatted("not a GUID: {}", text)};
    }
    Guid guid{};
    for (std::size_t at = 0; at < guid.size(); ++at) {
        guid[guid_order[at]] = (*bytes)[at];
    }
    return guid;
}

Guid image_security_database() {
    return guid_of("d719b2cb-3d3a-4596-a3bc-dad00e67656f");
}

std::optional<VariableData> variable_data_of(const BytesView bytes) {
    ByteReader reader{bytes};
    const auto guid = reader.take(sizeof(Guid));
    const auto name_length = reader.u64();
    const auto size = reader.u64();
    if (!guid || !name_length || !size || *name_length > reader.left() / 2) {
        return std::nullopt;
    }
    const auto name = reader.take(*name_length * 2);
    const auto contents = reader.take(*size);
    if (!name || !contents) {
        return std::nullopt;
    }
    VariableData variable{.name = {name->begin(), name->end()},
                          .contents = {contents->begin(), contents->end()}};
    std::ranges::copy(*guid, variable.guid.begin());
    return variable;
}

Bytes to_bytes(const VariableData& variable) {
    Bytes out{variable.guid.begin(), variable.guid.end()};
    append_u64(out, variable.name.size() / 2);
    append_u64(out, variable.contents.size());
    append(out, variable.name);
    append(out, variable.contents);
    return out;
}

bool Signature::is_certificate() const {
    static const Guid x509 = guid_of("a5c059a1-94e4-4aa7-87b5-ab155c2bf072");
    return type == x509;
}

Bytes Signature::measured_form() const {
    Bytes out{owner.begin(), owner.end()};
    append(out, data);
    return out;
}

std::optional<std::vector<Signature>> signatures_of(const BytesView bytes) {
    constexpr std::size_t head_size = 28;
    std::vector<Signature> signatures;
    ByteReader reader{bytes};
    while (reader.left() > 0) {
        const auto type = reader.take(sizeof(Guid));
        const auto list_size = reader.u32();
        const auto header_size = reader.u32();
        const auto entry_size = reader.u32();
        if (!type || !list_size || !header_size || !entry_size || *list_size < head_size ||
            *entry_size <= sizeof(Guid)) {
            return std::nullopt;
        }
        const auto list = reader.take(*list_size - head_size);
        if (!list || *header_size > list->size() || (list->size() - *header_size) % *entry_size != 0) {
            return std::nullopt;
        }
        ByteReader entries{list->subspan(*header_size)};
        while (const auto entry = entries.take(*entry_size)) {
            Signature signature;
            std::ranges::copy(*type, signature.type.begin());
            std::ranges::copy(entry->first(sizeof(Guid)), signature.owner.begin());
            const auto data = entry->subspan(sizeof(Guid));
            signature.data.assign(data.begin(), data.end());
            signatures.push_back(std::move(signature));
        }
    }
    return signatures;
}

} // namespace sealmount
